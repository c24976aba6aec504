# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # checkout is for the script that sources this; suite_name and variants are its own
# A bare Debian, and trying things in it. Sourced by tests/bare_root.sh and tests/package.sh; needs root and debootstrap.
#
# The bare Debian is kept in ${BPG_BARE_CACHE:-/var/tmp/betterpg-bare} for the next time. Whoever tries something gets a
# copy of it in $root, beside $work for logs; both are gone when the script ends.

release=bookworm
cache=${BPG_BARE_CACHE:-/var/tmp/betterpg-bare}
checkout=$(dirname "$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")")

die() { echo "${0##*/}: $*" >&2; exit 1; }

# This machine's mirror, and whatever it takes to reach it.
mirror() {
  # shellcheck disable=SC2016 # apt's fields
  apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' |
    awk -v release="$release" '$2 == release { print $1; exit }'
}

copy_apt_configuration() {
  local file
  rm -f "$root"/etc/apt/sources.list
  for file in sources.list sources.list.d auth.conf.d keyrings trusted.gpg trusted.gpg.d; do
    [ ! -e "/etc/apt/$file" ] || cp -a "/etc/apt/$file" "$root/etc/apt/"
  done
  find /etc/apt/apt.conf.d -type f -exec grep -lE '^ *Acquire::' {} + |
    while read -r file; do cp -a "$file" "$root/etc/apt/apt.conf.d/"; done
  cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
}

# The same for npm.
copy_npm_configuration() {
  local certificates
  command -v npm >/dev/null || return 0
  echo "registry=$(npm config get registry)" >"$root/root/.npmrc"
  certificates=$(npm config get cafile)
  [ -f "$certificates" ] || return 0
  cp -L "$certificates" "$root/root/npm-certificates.crt"
  echo 'cafile=/root/npm-certificates.crt' >>"$root/root/.npmrc"
}

# Two scripts may want it at the same time: one makes it.
make_bare_debian() {
  mkdir -p "$cache"
  (
    flock 9
    [ ! -f "$cache/$release.complete" ] || exit 0
    source=$(mirror)
    [ -n "$source" ] || die "apt knows no mirror of $release here"
    rm -rf --one-file-system "${cache:?}/$release"
    debootstrap --variant=minbase "$release" "$cache/$release" "$source" >"$cache/debootstrap.log" 2>&1 ||
      die "debootstrap failed: see $cache/debootstrap.log"
    touch "$cache/$release.complete"
  ) 9>"$cache/lock"
}

# A copy of the bare Debian in $root, until this script ends.
copy_bare_debian() {
  work=$(mktemp -d -p "${TMPDIR:-/var/tmp}" betterpg-bare.XXXXXX)
  chmod 0755 "$work"
  root=$work/root
  trap 'rm -rf --one-file-system "$work"' EXIT
  make_bare_debian
  cp -a --reflink=auto "$cache/$release" "$root"
  copy_apt_configuration
  copy_npm_configuration
}

# enter VARIANT FILE: runs a script of the root in it, in a mount and process namespace of its own: what it leaves
# behind ends with it.
enter() {
  local variant=$1 file=$2 capabilities='' compile_cache=''
  [ "${variant%-tests}" != container ] ||
    capabilities='-all,+chown,+dac_override,+fowner,+fsetid,+kill,+mknod,+net_bind_service,+net_raw,+setfcap,+setgid,+setpcap,+setuid,+sys_chroot,+audit_write'
  # What this machine has compiled need not be compiled again.
  if command -v ccache >/dev/null; then
    compile_cache=$(ccache --get-config cache_dir)
    mkdir -p "$compile_cache" "$root/var/cache/ccache"
  fi
  # What is unmounted outside goes here, too: a mount that lives on here would keep a dataset of others busy.
  # shellcheck disable=SC2016 # expanded inside
  unshare --mount --propagation slave --pid --fork --kill-child -- bash -euc '
    root=$1 file=$2 capabilities=$3 compile_cache=$4
    # Only where mounts are shared outside, though.
    awk "\$3 ~ /zfs/ { print \$2 }" /proc/self/mounts | tac | xargs -r -n 1 umount --lazy
    # A root is a mount point: else "/" cannot be given a propagation of its own in there.
    mount --bind "$root" "$root"
    cd "$root"
    mount -t proc proc "$root/proc"
    if [ -n "$compile_cache" ]; then
      mount --bind "$compile_cache" "$root/var/cache/ccache"
      export CCACHE_DIR=/var/cache/ccache
    fi
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
  ' bash "$root" "$file" "$capabilities" "$compile_cache" </dev/null
}

# How each script that is tried begins: what may be said in it.
prologue() {
  cat <<'END'
set -eu
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset TMPDIR  # of the machine outside, and not there in here

# check WORDS COMMAND...: what it prints is shown where it fails.
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

# The same, and what it prints is always shown.
check_and_show() {
  local words=$1
  shift
  if "$@" 2>&1; then echo "ok: $words"; else echo "not ok: $words"; fi
}
END
}

# run_variant VARIANT: tries what comes in on standard input behind the prologue. A script that stops on its way fails.
run_variant() {
  local variant=$1
  echo "== $variant"
  { prologue; cat; echo 'echo "ok: all checks were reached"'; } >"$root/opt/try-$variant"
  enter "$variant" "/opt/try-$variant" 2>&1 | tee "$work/$variant.log" || true
  grep -q '^ok: all checks were reached$' "$work/$variant.log" || echo "not ok: all checks were reached" | tee -a "$work/$variant.log"
}

# JUnit's format, for tests/tally.py.
write_report() {
  local variant result words
  echo "<testsuite name=\"$suite_name\">"
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

# conclude [FILE]: the count of what has failed, a report for tests/tally.py, and the exit status.
conclude() {
  local variant failed=0
  [ -z "$1" ] || write_report >"$1"
  for variant in "${variants[@]}"; do
    failed=$((failed + $(grep -c '^not ok: ' "$work/$variant.log" || true)))
  done
  echo "$suite_name: $failed failed"
  [ "$failed" -eq 0 ]
}

require_root_and_debootstrap() {
  [ "$(id -u)" -eq 0 ] || die "only root can do this"
  command -v debootstrap >/dev/null || die "debootstrap is not installed"
}
