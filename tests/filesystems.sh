#!/bin/bash
# The file systems that the contract and end-to-end tests work on.
#
#   eval "$(tests/filesystems.sh up DIR)"   makes them below DIR and names them: BPG_TEST_BTRFS, BPG_TEST_XFS,
#                                           BPG_TEST_COPY (directories) and BPG_TEST_ZFS (a dataset)
#   tests/filesystems.sh down DIR           undoes what `up` noted in DIR/made
#
# What cannot be made here is said on stderr and left out; its tests are then skipped.
set -u

image_size=8G
zfs_socket=/var/run/zfs/zfs_socket

say() { echo "filesystems: $*" >&2; }

note() { echo "$*" >>"$dir/made"; }

# have KIND PROGRAM...: are the programs for this kind installed?
have() {
  local kind=$1 program
  shift
  for program in "$@"; do
    command -v "$program" >/dev/null || { say "no $kind: '$program' is not installed"; return 1; }
  done
}

# Run a command; its words go to stderr only where it fails.
try() {
  local words
  words=$("$@" 2>&1) || { say "'$*' failed: $words"; return 1; }
}

# image_fs NAME TYPE MKFS...: makes an image, formats it with that command, and mounts it at $dir/NAME.
image_fs() {
  local name=$1 type=$2 device
  shift 2
  mkdir -p "$dir/$name"
  if ! mountpoint -q "$dir/$name"; then
    truncate -s "$image_size" "$dir/$name.img"
    try "$@" "$dir/$name.img" || return 1
    # Not `mount -o loop`: the device would not be known, and direct I/O keeps the page cache small.
    device=$(losetup --find --show --direct-io=on "$dir/$name.img" 2>/dev/null) ||
      device=$(losetup --find --show "$dir/$name.img") || { say "no $type: no loop device"; return 1; }
    note "loop $device $dir/$name.img"
    try mount -t "$type" -o noatime "$device" "$dir/$name" || { say "no $type"; return 1; }
    note "mount $dir/$name"
  fi
  chmod 0755 "$dir/$name"
}

make_btrfs() {
  have btrfs mkfs.btrfs losetup && image_fs btrfs btrfs mkfs.btrfs -q -f || return
  echo "export BPG_TEST_BTRFS=$dir/btrfs"
}

make_xfs() {
  have xfs mkfs.xfs losetup && image_fs xfs xfs mkfs.xfs -q -f -m reflink=1 || return
  echo "export BPG_TEST_XFS=$dir/xfs"
}

# Any file system does. On ext4, which looks at every inode that was deleted within the last minute before it gives one
# to a new file (recently_deleted in fs/ext4/ialloc.c), the tests, which delete thousands, would take half as long again.
make_copy() {
  mkdir -p "$dir/copy"
  chmod 0755 "$dir/copy"
  if [ "$(id -u)" -eq 0 ] && command -v mkfs.xfs losetup >/dev/null; then
    image_fs copy xfs mkfs.xfs -q -f -m reflink=0 || say "copy goes to the $(stat -f -c %T "$dir/copy") that is there"
  fi
  echo "export BPG_TEST_COPY=$dir/copy"
}

# The kernel's ZFS where it is loaded, else zfs-fuse.
start_zfs() {
  [ -e /dev/zfs ] && return
  zpool list >/dev/null 2>&1 && return
  have zfs zfs-fuse || return 1
  [ -e /dev/fuse ] || { say "no zfs: there is no /dev/fuse"; return 1; }
  mkdir -p "${zfs_socket%/*}"
  # A machine has it from systemd; zfs-fuse's zfs(8) does not know what is mounted without it.
  [ -e /etc/mtab ] || ln -s ../proc/self/mounts /etc/mtab
  # Without --no-kstat-mount it would mount /zfs-kstat. Not a child of this shell: it outlives it.
  setsid zfs-fuse --no-daemon --no-kstat-mount </dev/null >"$dir/zfs-fuse.log" 2>&1 &
  note "process $!"
  for _ in $(seq 100); do
    zpool list >/dev/null 2>&1 && return
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  say "no zfs: zfs-fuse did not start: $(tail -n 1 "$dir/zfs-fuse.log")"
  return 1
}

make_zfs() {
  have zfs zfs zpool && start_zfs || return
  # A name of its own: a pool of an earlier run may still be known, with its image and its mount point gone.
  local pool
  pool=bpgtest-$(cksum <<<"$dir" | cut -d ' ' -f 1)
  if ! zpool list "$pool" >/dev/null 2>&1; then
    truncate -s "$image_size" "$dir/zfs.img"
    mkdir -p "$dir/zfs"
    # Without a cache file nobody imports it again after a crash (zpool(8), cachefile).
    try zpool create -f -o cachefile=none -m "$dir/zfs" "$pool" "$dir/zfs.img" || return
    note "pool $pool"
  fi
  echo "export BPG_TEST_ZFS=$pool"
}

up() {
  mkdir -p "$dir"
  chmod 0755 "$dir"
  touch "$dir/made"
  make_copy
  if [ "$(id -u)" -ne 0 ]; then
    say "only root can make btrfs, xfs and zfs"
    return
  fi
  make_btrfs
  make_xfs
  make_zfs
  return 0  # what could not be made has been said
}

# Last made, first undone.
down() {
  [ -f "$dir/made" ] || return 0
  local kind what image failed=0
  while read -r kind what image; do
    case $kind in
      mount) mountpoint -q "$what" && { try umount "$what" || failed=1; } ;;
      loop) [ "$(losetup -n -O BACK-FILE "$what" 2>/dev/null)" = "$image" ] && { try losetup -d "$what" || failed=1; } ;;
      pool) zpool list "$what" >/dev/null 2>&1 && { destroy_pool "$what" || failed=1; } ;;
      process) stop_process "$what" || failed=1 ;;
    esac
  done < <(tac "$dir/made")
  [ $failed -eq 0 ] || { say "not everything could be undone: see $dir/made"; return 1; }
  rm -f "$dir"/{copy,btrfs,xfs,zfs}.img "$dir/zfs-fuse.log" "$dir/made"
  rm -rf --one-file-system "$dir/copy"
  rmdir "$dir"/{btrfs,xfs,zfs} "$dir" 2>/dev/null
  return 0
}

# A dataset stays busy for a moment after it was unmounted, and until a mount namespace that knew it has been dismantled.
destroy_pool() {
  for _ in $(seq 60); do
    zpool destroy -f "$1" >/dev/null 2>&1 && return
    sleep 0.5
  done
  try zpool destroy -f "$1" && return
  say "mounted are: $(grep -hs "$dir/zfs" /proc/mounts)"
  say "in other namespaces: $(grep -ls "$dir/zfs" /proc/[0-9]*/mounts | tr '\n' ' ')"
  say "in use by: $(find /proc/[0-9]*/cwd /proc/[0-9]*/fd -lname "$dir/zfs/*" 2>/dev/null | tr '\n' ' ')"
  return 1
}

stop_process() {
  [ "$(cat "/proc/$1/comm" 2>/dev/null)" = zfs-fuse ] || return 0
  kill "$1"
  for _ in $(seq 200); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  say "zfs-fuse ($1) did not end"
  return 1
}

if [ $# -ne 2 ]; then
  echo "usage: $0 up|down DIR" >&2
  exit 2
fi
dir=$(realpath -m "$2")
case $1 in
  up) up ;;
  down) down ;;
  *) echo "usage: $0 up|down DIR" >&2; exit 2 ;;
esac
