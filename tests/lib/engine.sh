# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # for the scripts that source this; dir and engine are theirs
# Engines for containers that tests start for themselves, in $dir, and the root of their images. Sourced by tests/docker.sh and
# tests/podman.sh.
#
# That root is kept in ${BPG_IMAGE_CACHE:-/var/tmp/betterpg-docker} for the next time.

# shellcheck source=tests/lib/bare.sh
source "$(dirname "$(realpath "${BASH_SOURCE[0]}")")/bare.sh"

image_cache=${BPG_IMAGE_CACHE:-/var/tmp/betterpg-docker}
pg_major=15
image_root=$image_cache/root-$release-$pg_major.tar
plain_image=betterpg-test:plain
plain_image_changes=(
  --change "ENV PATH=/usr/lib/postgresql/$pg_major/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
  --change 'ENV LANG=C.UTF-8'
)

say() { echo "$engine: $*" >&2; }

# can_start PROGRAM...: whether an engine can be started here by these; says why not.
can_start() {
  local program
  [ "$(id -u)" -eq 0 ] || { say "only root can start it"; return 1; }
  for program in "$@"; do
    command -v "$program" >/dev/null || { say "'$program' is not installed"; return 1; }
  done
}

# alive NAME: is the process that DIR/NAME.pid tells of still that program?
alive() {
  local pid
  pid=$(cat "$dir/$1.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ]
}

# wait_until COMMAND...: true within half a minute.
wait_until() {
  for _ in $(seq 300); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.1
  done
  return 1
}

gone() { ! alive "$1"; }

unmount_all() {
  local mount
  for mount in $(awk -v dir="$dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac); do
    umount --lazy "$mount" || say "cannot unmount $mount"
  done
}

# The root of every image: Debian with PostgreSQL, without the cluster that the package makes.
make_root() {
  mkdir -p "$image_cache"
  (
    flock 9
    [ ! -f "$image_root" ] || exit 0
    source=$(mirror)
    [ -n "$source" ] || { say "apt knows no mirror of $release here"; exit 1; }
    root=$image_cache/root
    rm -rf --one-file-system "$root"
    debootstrap --variant=minbase "--include=postgresql-$pg_major" "$release" "$root" "$source" \
      >"$image_cache/debootstrap.log" 2>&1 || { say "debootstrap failed: see $image_cache/debootstrap.log"; exit 1; }
    rm -rf "$root/var/lib/postgresql/$pg_major" "$root/etc/postgresql/$pg_major" "$root"/var/cache/apt/archives/*.deb \
      "$root"/var/lib/apt/lists/* "${root:?}"/dev/*
    tar -C "$root" -cf "$image_cache/root.tar" . &&
      mv "$image_cache/root.tar" "$image_root"
    rm -rf --one-file-system "$root"
  ) 9>"$image_cache/lock"
}
