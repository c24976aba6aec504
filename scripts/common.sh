# shellcheck shell=bash
# shellcheck disable=SC2034 # much of this is for those who source it
# What the scripts share: words, times, packages, the build. Sourced, never run.

export LC_ALL=C.UTF-8 PAGER=cat
root_of_checkout=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")
bpg_binary=$root_of_checkout/build/release/bin/bpg
# What one checkout has compiled, another need not compile again, whatever its place.
export CCACHE_BASEDIR=$root_of_checkout

# What a build needs, and nothing else.
build_packages=(
  cmake ninja-build g++ ccache pkg-config
  libcli11-dev libfmt-dev nlohmann-json3-dev libyaml-cpp-dev libsqlite3-dev
  libpq-dev libbtrfsutil-dev libsodium-dev libutf8proc-dev libgtest-dev libgmock-dev
  zlib1g-dev libzstd-dev liblzma-dev liblz4-dev libxxhash-dev libboost-dev
)
# What bpg runs: PostgreSQL, whose server brings psql along, and mkfs.btrfs for a file-backed pool.
runtime_packages=(postgresql btrfs-progs)
# What scripts/test needs on top of both.
test_packages=(
  python3 python3-pytest python3-psycopg xfsprogs zfs-fuse docker.io podman iproute2 debootstrap dpkg-dev file lintian
  git tmux zsh fish tcsh mandoc tzdata strace gdb libfaketime time zstd xz-utils
)

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

die() {
  printf '%s%s:%s %s\n' "$red" "${0##*/}" "$plain" "$1" >&2
  shift
  [ $# -eq 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# The real clock, in microseconds.
microseconds() { echo "${EPOCHREALTIME/[.,]/}"; }

# format_time MICROSECONDS: "412 ms", "1.3 s", "2 min 5 s".
format_time() {
  local ms=$((($1 + 500) / 1000))
  if [ $ms -lt 1000 ]; then
    echo "$ms ms"
  elif [ $ms -lt 60000 ]; then
    printf '%d.%d s\n' $((ms / 1000)) $((ms % 1000 / 100))
  else
    printf '%d min %d s\n' $((ms / 60000)) $((ms % 60000 / 1000))
  fi
}

# phase NAME RESULT MICROSECONDS: one line about something that has been done.
phase() { printf '  %-10s %-48s %s%10s%s\n' "$1" "$2" "$dim" "$(format_time "$3")" "$plain"; }

# run_quietly NAME COMMAND...: runs it with its output in a file. A terminal sees the last line of it, everybody the end
# of it where it fails.
run_quietly() {
  local name=$1 log pid status=0 line
  shift
  log=$(mktemp)
  "$@" >"$log" 2>&1 </dev/null &
  pid=$!
  if [ -t 1 ]; then
    while kill -0 "$pid" 2>/dev/null; do
      line=$(tail -c 400 "$log" | tr '\r' '\n' | tr -cd '[:print:]\n' | tail -n 1)
      printf '\r\e[K  %-10s %s%.60s%s' "$name" "$dim" "$line" "$plain"
      sleep 0.2
    done
    printf '\r\e[K'
  fi
  wait "$pid" || status=$?
  if [ $status -ne 0 ]; then
    tail -n 30 "$log" >&2
    die "$name failed (exit status $status)" "All of its output is in $log"
  fi
  rm -f "$log"
}

# missing_packages PACKAGE...: those that are not installed, one a line.
missing_packages() {
  local package
  for package in "$@"; do
    # Any version of the server will do, wherever it came from.
    if [ "$package" = postgresql ] && compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; then continue; fi
    dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || echo "$package"
  done
}

# install_packages PACKAGE...: installs what is missing, and says what. Needs root only then. Leaves what it did in
# packages_result and packages_time.
install_packages() {
  local missing began
  began=$(microseconds)
  mapfile -t missing < <(missing_packages "$@")
  if [ ${#missing[@]} -eq 0 ]; then
    packages_result="all $# are installed"
    packages_time=$(($(microseconds) - began))
    return
  fi
  is_root || die "only root can install packages, and ${#missing[@]} are missing" \
    "Run this as root, or have somebody run:" \
    "apt-get install --no-install-recommends ${missing[*]}"
  echo "  Installing ${#missing[@]} packages and what they need:"
  fmt --width=72 <<<"${missing[*]}" | sed 's/^/    /'
  run_quietly Packages apt-get update
  without_default_cluster run_quietly Packages env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends "${missing[@]}"
  packages_time=$(($(microseconds) - began))
  packages_result="${#missing[@]} installed, with what they need"
}

# without_default_cluster COMMAND...: Debian's PostgreSQL packages make and start a server of their own on port 5432,
# unless a file forbids it while they are being installed. Nobody asked for that server here.
without_default_cluster() {
  local directory=/etc/postgresql-common/createcluster.d
  # Whoever set this knew why.
  if grep -qs '^[[:space:]]*create_main_cluster' "${directory%.d}.conf" "$directory"/*.conf; then
    "$@"
    return
  fi
  (
    trap 'rm -f "$directory/betterpg-install.conf"; rmdir "$directory" 2>/dev/null || true' EXIT
    mkdir -p "$directory"
    echo 'create_main_cluster = false' >"$directory/betterpg-install.conf"
    "$@"
  )
}

# build [TARGET...]: these targets of the release build, or all of it.
build() {
  local directory=$root_of_checkout/build/release
  # Somebody else's checkout that has been built.
  if [ -x "$bpg_binary" ] && [ ! -w "$directory" ]; then
    return
  fi
  [ -f "$directory/build.ninja" ] || run_quietly Build cmake -S "$root_of_checkout" --preset release
  run_quietly Build cmake --build "$directory" ${1:+--target "$@"}
}
