#!/bin/bash
# Tries scripts/quickstart as a new user would: in a bare Debian with nothing but a shell, a checkout and apt.
#
#   tests/bare_root.sh [--junitxml=FILE] [--readme] [--prepare | VARIANT...]
#
# Variants, in the order in which they run where none is named; each uses what the one before has installed:
#   root        root of a machine: /dev and /sys are there, file systems can be mounted
#   container   root of an unprivileged container: few capabilities, few devices
#   user        an ordinary user, who has a checkout that root has built
# And only where they are named, for they take half an hour:
#   tests             scripts/test as root of a machine; nothing may be skipped
#   container-tests   scripts/test as root of an unprivileged container; what has to mount something is skipped
#
# --prepare makes the bare Debian and nothing else. --readme makes README.md's transcript of quickstart from what the first
# variant shows.
set -euo pipefail
# shellcheck source=tests/lib/bare.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib/bare.sh"

suite_name='bare root'
report='' readme=''
variants=()

# What is tried, as it is typed. as_user is a prefix that becomes another user.
script() {
  local variant=$1
  echo 'cd /opt/betterpg'
  case $variant in
    tests) echo 'check_and_show "scripts/test" scripts/test --no-skips' && return ;;
    container-tests) echo 'check_and_show "scripts/test" scripts/test' && return ;;
  esac
  cat <<'END'
nothing_listens_on_5432() { ! (: </dev/tcp/127.0.0.1/5432) 2>/dev/null; }
no_default_cluster() { [ -z "$(pg_lsclusters -h)" ]; }
no_server_left() { ! grep -aqs '^postgres' /proc/[0-9]*/comm; }
nothing_mounted() { ! grep -q betterpg /proc/mounts; }
rows() { [ "$(as_user "$bpg" connect "$1" -- -XAtc 'SELECT count(*) > 10000 FROM packages')" = t ]; }
url_works() { [ "$(psql "$(as_user "$bpg" url debian/experiment)" -XAtc 'SELECT 1')" = 1 ]; }
driver_is() { as_user "$bpg" -o json status | grep -q "\"driver\": *\"$1\""; }
END
  case $variant in
    user)
      cat <<'END'
id alice >/dev/null 2>&1 || useradd --create-home --shell /bin/bash alice
as_user() { setpriv --reuid=alice --regid=alice --init-groups env HOME=/home/alice "$@"; }
bpg=/home/alice/.local/bin/bpg home=/home/alice/.local/share/betterpg driver=copy
END
      ;;
    *)
      echo 'as_user() { "$@"; }'
      echo 'bpg=/usr/local/bin/bpg home=/var/lib/betterpg'
      if [ "$variant" = root ]; then echo 'driver=btrfs'; else echo 'driver=copy'; fi
      ;;
  esac
  cat <<'END'
echo '$ scripts/quickstart'
check_and_show "quickstart" as_user scripts/quickstart
check "storage is $driver" driver_is "$driver"
check "main has its rows" rows debian
check "the branch has its rows" rows debian/experiment
check "the URL of the branch works" url_works
check "no other server was made" no_default_cluster
check "port 5432 is free" nothing_listens_on_5432
check_and_show "quickstart again" as_user scripts/quickstart
check "the branch has its rows again" rows debian/experiment
check "another database can be made" as_user "$bpg" db create other
check_and_show "removal keeps what is not quickstart's" as_user scripts/quickstart --remove
check "the other database is still there" as_user "$bpg" connect other -- -XAtc 'SELECT 1'
check "the other database can be deleted" as_user "$bpg" db delete other --now --yes
check_and_show "removal" as_user scripts/quickstart --remove
check "bpg is gone" test ! -e "$bpg"
check "its data is gone" test ! -e "$home"
check "no server is left" no_server_left
check "nothing is mounted" nothing_mounted
check "removal again" as_user scripts/quickstart --remove
END
}

# transcript VARIANT: its first quickstart. The names of the packages are left out, and that is marked.
transcript() {
  awk '
    /^\$ scripts\/quickstart$/ { inside = 1 }
    /^ok: quickstart$/ { exit }
    /^    / && list { if (list++ == 1) print "    […]"; next }
    { list = 0 }
    /and what they need:$/ { list = 1 }
    inside { print }
  ' "$work/$1.log"
}

for argument in "$@"; do
  case $argument in
    --junitxml=*) report=${argument#*=} ;;
    --readme) readme=yes ;;
    --prepare)
      require_root_and_debootstrap
      make_bare_debian
      exit
      ;;
    root | container | user | tests | container-tests) variants+=("$argument") ;;
    *) die "there is no variant '$argument'" ;;
  esac
done
[ ${#variants[@]} -gt 0 ] || variants=(root container user)
require_root_and_debootstrap
copy_bare_debian
mkdir "$root/opt/betterpg"
git -c safe.directory='*' -C "$checkout" archive HEAD | tar -x -C "$root/opt/betterpg"
for variant in "${variants[@]}"; do
  script "$variant" | run_variant "$variant"
done
if [ -n "$readme" ]; then transcript "${variants[0]}" | "$checkout/tests/transcript.sh" quickstart; fi
conclude "$report"
