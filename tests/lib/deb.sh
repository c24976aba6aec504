# shellcheck shell=bash
# shellcheck disable=SC2154 # checkout is of those who source this
# The Debian package of the release build. Sourced by tests/package.sh and scripts/vm-test; needs dpkg-dev and file.

# make_package FILE: makes it anew and leaves it in FILE. Two may want it at the same time: one after the other makes it.
make_package() {
  (
    flock 7
    rm -rf "$checkout/build/release/packages"
    (cd "$checkout" && cmake --build --preset release --target bpg bpg-log bpg-mount bpg-wal && cpack --preset release)
    cp "$checkout"/build/release/packages/*.deb "$1"
  ) 7>"$checkout/build/release/packages.lock"
}
