#!/bin/bash
# Podman's service with Docker's API for tests, beside any that already runs here, and the plain image of tests/docker.sh.
#
#   eval "$(tests/podman.sh up DIR)"   starts it with all that is its below DIR, and names its socket: BPG_TEST_PODMAN_HOST; the
#                                      image is betterpg-test:plain
#   tests/podman.sh down DIR           removes its containers, its image and the service
#
# What cannot be made here is said on stderr and left out; its tests are then skipped.
set -u
engine=podman
# shellcheck source=tests/lib/engine.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/lib/engine.sh"

# No systemd to ask for cgroups, no journal to log to, and no limits beyond those of the tests.
configure() {
  cat >"$dir/containers.conf" <<'END'
[containers]
default_ulimits = []
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
END
}

start() {
  alive podman && return
  rm -f "$dir/podman.sock"
  setsid "${podman[@]}" system service --time=0 "unix://$dir/podman.sock" </dev/null >"$dir/podman.log" 2>&1 &
  echo $! >"$dir/podman.pid"
  wait_until test -S "$dir/podman.sock"
}

up() {
  can_start podman debootstrap || return 0
  mkdir -p "$dir"
  chmod 0711 "$dir"
  configure
  if ! start || ! make_root ||
    ! "${podman[@]}" import "${plain_image_changes[@]}" "$image_root" "$plain_image" >/dev/null 2>"$dir/import.log"; then
    say "no Podman here: $(tail -qn 1 "$dir/podman.log" "$dir/import.log" 2>/dev/null)"
    down
    return
  fi
  echo "export BPG_TEST_PODMAN_HOST=unix://$dir/podman.sock"
}

down() {
  [ -d "$dir" ] || return 0
  "${podman[@]}" rm --all --force --time 0 >/dev/null
  if alive podman; then
    kill "$(cat "$dir/podman.pid")"
    wait_until gone podman || { say "it does not end"; return 1; }
  fi
  unmount_all
  rm -rf --one-file-system "$dir"
  [ ! -e "$dir" ] || { say "$dir could not be removed"; return 1; }
}

if [ $# -ne 2 ]; then
  echo "usage: $0 up|down DIR" >&2
  exit 2
fi
dir=$(realpath -m "$2")
podman=(podman --root "$dir/root" --runroot "$dir/run" --tmpdir "$dir/tmp")
export CONTAINERS_CONF=$dir/containers.conf
case $1 in
  up) up ;;
  down) down ;;
  *) echo "usage: $0 up|down DIR" >&2; exit 2 ;;
esac
