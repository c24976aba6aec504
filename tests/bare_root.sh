#!/bin/bash
# Tries scripts/quickstart as a new user would: in a bare Debian with nothing but a shell, a checkout and apt.
#
#   tests/bare_root.sh [--junitxml=FILE] [VARIANT...]
#
# Variants, in the order in which they run where none is named; each uses what the one before has installed:
#   root        root of a machine: /dev and /sys are there, file systems can be mounted
#   container   root of an unprivileged container: few capabilities, few devices
#   user        an ordinary user, who has a checkout that root has built
#
# Needs root and debootstrap. The bare Debian is kept in ${BPG_BARE_CACHE:-/var/tmp/betterpg-bare} for the next time.
# Every variant has its own mount and process namespace: what it leaves behind ends with it.
set -euo pipefail

suite=bookworm
cache=${BPG_BARE_CACHE:-/var/tmp/betterpg-bare}
checkout=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
report=''
variants=()

die() { echo "${0##*/}: $*" >&2; exit 1; }

# This machine's mirror, and whatever it takes to reach it.
mirror() {
  # shellcheck disable=SC2016 # apt's fields
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v suite="$suite" '$2 == suite { print $1; exit }'
}

copy_apt_configuration() {
  local root=$1 file
  rm -f "$root"/etc/apt/sources.list
  for file in sources.list sources.list.d auth.conf.d keyrings trusted.gpg trusted.gpg.d; do
    [ ! -e "/etc/apt/$file" ] || cp -a "/etc/apt/$file" "$root/etc/apt/"
  done
  find /etc/apt/apt.conf.d -type f -exec grep -lE '^ *Acquire::' {} + |
    while read -r file; do cp -a "$file" "$root/etc/apt/apt.conf.d/"; done
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
}

make_bare_root() {
  [ ! -f "$cache/$suite.complete" ] || return 0
  local source
  source=$(mirror)
  [ -n "$source" ] || die "apt knows no mirror of $suite here"
  mkdir -p "$cache"
  rm -rf --one-file-system "${cache:?}/$suite"
  debootstrap --variant=minbase "$suite" "$cache/$suite" "$source" >"$cache/debootstrap.log" 2>&1 ||
    die "debootstrap failed: see $cache/debootstrap.log"
  touch "$cache/$suite.complete"
}

# enter VARIANT FILE: runs a script of the root in it, in namespaces of its own.
enter() {
  local variant=$1 file=$2 capabilities=''
  [ "$variant" != container ] ||
    capabilities='-all,+chown,+dac_override,+fowner,+fsetid,+kill,+mknod,+net_bind_service,+net_raw,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot,+audit_write'
  # shellcheck disable=SC2016 # expanded inside
  # What is unmounted outside goes here, too: a mount that lives on here would keep a dataset of others busy.
  unshare --mount --propagation slave --pid --fork --kill-child -- bash -euc '
    root=$1 file=$2 capabilities=$3
    mount -t proc proc "$root/proc"
    if [ -z "$capabilities" ]; then
      mount --rbind /dev "$root/dev"
      mount --rbind /sys "$root/sys"
      exec chroot "$root" /bin/bash "$file"
    fi
    mount -t tmpfs tmpfs "$root/dev"
    mkdir "$root/dev/shm" "$root/dev/pts"
    mount -t tmpfs tmpfs "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
    for device in null:3 zero:5 full:7 random:8 urandom:9; do
      mknod -m 0666 "$root/dev/${device%:*}" c 1 "${device#*:}"
    done
    mknod -m 0666 "$root/dev/tty" c 5 0
    exec chroot "$root" setpriv --inh-caps="$capabilities" --bounding-set="$capabilities" /bin/bash "$file"
  ' bash "$root" "$file" "$capabilities" </dev/null
}

# What is tried, as it is typed. $as is a prefix that becomes another user.
script() {
  local variant=$1
  cat <<'END'
set -eu
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd /opt/betterpg

# check WORDS COMMAND...
check() {
  local words=$1
  shift
  if "$@" >/tmp/check.log 2>&1; then
    echo "ok: $words"
  else
    echo "not ok: $words"
    sed 's/^/    /' /tmp/check.log
  fi
}

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
check "quickstart" as_user scripts/quickstart
cat /tmp/check.log
check "storage is $driver" driver_is "$driver"
check "main has its rows" rows debian
check "the branch has its rows" rows debian/experiment
check "the URL of the branch works" url_works
check "no other server was made" no_default_cluster
check "port 5432 is free" nothing_listens_on_5432
check "quickstart again" as_user scripts/quickstart
cat /tmp/check.log
check "the branch has its rows again" rows debian/experiment
check "another database can be made" as_user "$bpg" db create other
check "removal keeps what is not quickstart's" as_user scripts/quickstart --remove
cat /tmp/check.log
check "the other database is still there" as_user "$bpg" connect other -- -XAtc 'SELECT 1'
check "the other database can be deleted" as_user "$bpg" db delete other --now --yes
check "removal" as_user scripts/quickstart --remove
cat /tmp/check.log
check "bpg is gone" test ! -e "$bpg"
check "its data is gone" test ! -e "$home"
check "no server is left" no_server_left
check "nothing is mounted" nothing_mounted
check "removal again" as_user scripts/quickstart --remove
END
}

run_variant() {
  local variant=$1
  echo "== $variant"
  script "$variant" >"$root/opt/try-$variant"
  enter "$variant" "/opt/try-$variant" 2>&1 | tee "$work/$variant.log" || true
  grep -q '^ok: removal again$' "$work/$variant.log" || echo "not ok: all checks were reached" | tee -a "$work/$variant.log"
}

# JUnit's format, for tests/tally.py.
write_report() {
  local variant result words
  echo '<testsuite name="bare_root">'
  for variant in "${variants[@]}"; do
    grep -E '^(not )?ok: ' "$work/$variant.log" | sed 's/&/\&amp;/g; s/</\&lt;/g; s/"/\&quot;/g' |
      while IFS= read -r result; do
        words=${result#*ok: }
        if [ "${result%%:*}" = ok ]; then
          echo "<testcase classname=\"$variant\" name=\"$words\"/>"
        else
          echo "<testcase classname=\"$variant\" name=\"$words\"><failure message=\"failed\"/></testcase>"
        fi
      done
  done
  echo '</testsuite>'
}

for argument in "$@"; do
  case $argument in
    --junitxml=*) report=${argument#*=} ;;
    root | container | user) variants+=("$argument") ;;
    *) die "there is no variant '$argument'" ;;
  esac
done
[ ${#variants[@]} -gt 0 ] || variants=(root container user)
[ "$(id -u)" -eq 0 ] || die "only root can do this"
command -v debootstrap >/dev/null || die "debootstrap is not installed"

work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" betterpg-bare.XXXXXX)
chmod 0755 "$work"
root=$work/root
trap 'rm -rf --one-file-system "$work"' EXIT

make_bare_root
cp -a --reflink=auto "$cache/$suite" "$root"
copy_apt_configuration "$root"
mkdir "$root/opt/betterpg"
git -c safe.directory='*' -C "$checkout" archive HEAD | tar -x -C "$root/opt/betterpg"

for variant in "${variants[@]}"; do
  run_variant "$variant"
done
[ -z "$report" ] || write_report >"$report"
failed=0
for variant in "${variants[@]}"; do
  failed=$((failed + $(grep -c '^not ok: ' "$work/$variant.log" || true)))
done
echo "bare root: $failed failed"
[ "$failed" -eq 0 ]
