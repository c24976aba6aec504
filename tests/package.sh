#!/bin/bash
# Makes the Debian package of the release build, and lives with it in a bare Debian: installs it with apt, does the main
# job, upgrades, removes and purges it.
#
#   tests/package.sh [--junitxml=FILE]
set -euo pipefail
# shellcheck source=tests/lib/bare.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib/bare.sh"
# shellcheck source=tests/lib/deb.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib/deb.sh"

suite_name=package
report=''
variants=(package)
for argument in "$@"; do
  case $argument in
    --junitxml=*) report=${argument#*=} ;;
    *) die "there is no option '$argument'" ;;
  esac
done
require_root_and_debootstrap

script() {
  cat <<'END'
export DEBIAN_FRONTEND=noninteractive
units=/usr/lib/systemd/system
enabled=/etc/systemd/system

# Nobody here needs the server that Debian's PostgreSQL makes on port 5432.
mkdir -p /etc/postgresql-common/createcluster.d
echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.d/none.conf

apt() { apt-get --yes --quiet=2 "$@"; }
is() { [ "$2" = "$1" ] || { echo "expected '$1', got '$2'"; return 1; }; }
says() { grep -q -- "$1" /tmp/said || { echo "'$1' is not said in:"; cat /tmp/said; return 1; }; }
sql() { bpg connect "$1" -- -XAtqc "$2"; }
ask_url() { psql "$url" -XAtc "SELECT string_agg(n::text, ' ' ORDER BY n) FROM t"; }
server() { head -n 1 "$(bpg -o json branch get app/dev | sed -n 's/.*"path": *"\([^"]*\)".*/\1/p' | head -n 1)/data/postmaster.pid"; }
runs() { is "app/dev is running" "$(bpg start app/dev | sed 's/ on .*//')"; }
same_server() { is "$pid" "$(server)"; }
server_lives() { kill -0 "$pid" && is "1 2 3" "$(ask_url)"; }
command_of() { sed -n "s/^$1=//p" "$units/$2"; }
run_unit() { sh -c "$(command_of "$1" "$2")"; }
unit_is_right() { is '' "$(systemd-analyze verify --man=no "$units/$1" 2>&1)"; }
no_server_left() { ! grep -aqs '^postgres' /proc/[0-9]*/comm; }
all_defaults() { sed 's/^# \([a-z]*\.[a-z_]*:\)/\1/' /etc/betterpg/config.yaml >/tmp/all.yaml && grep -q '^lock' /tmp/all.yaml && bpg --config /tmp/all.yaml status; }

apt update
apt install --no-install-recommends systemd >/tmp/systemd.log 2>&1
check "apt installs it with what it needs" apt install /opt/betterpg.deb
check "PostgreSQL and mkfs.btrfs are recommended" test -x /usr/lib/postgresql/15/bin/postgres -a -x /sbin/mkfs.btrfs
check "the version is the package's" is "bpg $(dpkg-query --show --showformat '${Version}' betterpg | sed 's/-1$//')" "$(bpg --version)"
check "the changelog is there" sh -c 'zgrep -q "^## 0.1.0" /usr/share/doc/betterpg/changelog.gz'
for unit in betterpg.service betterpg-{cleanup,snapshot}.{service,timer}; do
  check "$unit is right" unit_is_right "$unit"
done
check "servers start at boot" test -L "$enabled/multi-user.target.wants/betterpg.service"
check "nothing is made or deleted by itself" is '' "$(find "$enabled" -name 'betterpg-*.timer')"

check "init" bpg init --storage auto
check "storage is a Btrfs in a file" sh -c 'bpg -o json status | grep -q "\"driver\": *\"btrfs\""'
check "the configuration is read" all_defaults
check "a database" bpg db create app
check "with data" sql app 'CREATE TABLE t AS SELECT generate_series(1, 3) AS n'
check "a branch" bpg branch create app/dev
check "a change on it" sql app/dev 'DELETE FROM t WHERE n > 1'
check "the parent is untouched" is 3 "$(sql app 'SELECT count(*) FROM t')"
check "a reset" bpg branch reset app/dev
check "like the parent again" is 3 "$(sql app/dev 'SELECT count(*) FROM t')"
check "a branch that is stopped" sh -c 'bpg branch create app/stopped && bpg stop app/stopped'

check "the unit stops what runs" run_unit ExecStop betterpg.service
check "no server is left" no_server_left
check "the unit starts what ran" run_unit ExecStart betterpg.service
check "the unit of the timer deletes what has expired" run_unit ExecStart betterpg-cleanup.service
check "the unit of snapshots does nothing without a schedule" run_unit ExecStart betterpg-snapshot.service
check "and took none" is '' "$(bpg --quiet snapshot list)"
check "a schedule" bpg snapshot schedule app/stopped --keep daily=2
check "the unit of snapshots takes one" run_unit ExecStart betterpg-snapshot.service
check "of that branch" is 1 "$(bpg --quiet snapshot list app/stopped | wc -l)"
check "and nothing else" is stopped "$(bpg -o json branch get app/stopped | sed -n 's/.*"status": *"\(.*\)",*/\1/p')"

pid=$(server) url=$(bpg url app/dev)
echo 'lock.wait: 11s' >>/etc/betterpg/config.yaml
check "an upgrade" apt install --reinstall /opt/betterpg.deb
check "its configuration stays" grep -q '^lock.wait: 11s' /etc/betterpg/config.yaml
check "the server that ran goes on" same_server
check "with its data" server_lives

apt remove betterpg >/tmp/said 2>&1
check "removal" test ! -e /usr/bin/bpg
check "it is said that databases stay" says "the databases in /var/lib/betterpg stay"
check "the server goes on" server_lives
check "the configuration stays" test -e /etc/betterpg/config.yaml

apt purge betterpg >/tmp/said 2>&1
check "a purge takes the configuration" test ! -e /etc/betterpg
check "it is said what stays and how to remove it" says "bpg db delete NAME --force --now"
check "the server goes on after a purge" server_lives

check "apt installs it without its catalog" apt install /opt/betterpg.deb
mkdir /opt/lost && mv /var/lib/betterpg/catalog.db* /opt/lost/
apt purge betterpg >/tmp/said 2>&1
check "a lost catalog is no word that there are no databases" server_lives
check "and that is said" says "nothing told that there are none"
mv /opt/lost/* /var/lib/betterpg/

check "apt installs it again" apt install /opt/betterpg.deb
check "the same server" same_server
check "the database can be deleted" bpg db delete app --force --now --yes
apt remove betterpg >/tmp/said 2>&1
check "removal keeps what init made" test -e /var/lib/betterpg/pool.img
apt purge betterpg >/tmp/said 2>&1
check "a purge without databases takes all" test ! -e /var/lib/betterpg
check "nothing is mounted" sh -c '! grep -q betterpg /proc/mounts'
check "no server is left at the end" no_server_left
check "no unit is left" is '' "$(find /etc/systemd /var/lib/systemd -name 'betterpg*')"

# An ordinary user, with a home of their own.
apt install /opt/betterpg.deb >/tmp/said 2>&1
useradd --create-home --shell /bin/bash alice
as_alice() { setpriv --reuid=alice --regid=alice --init-groups env HOME=/home/alice "$@"; }
check "a user sets up" as_alice bpg init
check "a user makes a database" as_alice bpg db create app
check "a user makes a branch" as_alice bpg branch create app/dev
check "purge of an unused package" apt purge betterpg
check "leaves what users have" test -e /home/alice/.local/share/betterpg/catalog.db
END
}

copy_bare_debian
make_package "$root/opt/betterpg.deb"
script | run_variant package
check_lintian() {
  local found
  found=$(lintian --no-tag-display-limit "$root/opt/betterpg.deb" 2>/dev/null) || true
  if [ -z "$found" ]; then
    echo "ok: lintian has nothing to say"
  else
    echo "not ok: lintian has nothing to say"
    echo "$found"
  fi
}
check_lintian | tee -a "$work/package.log"
conclude "$report"
