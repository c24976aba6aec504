#!/bin/bash
# Puts what comes in on standard input into README.md, as the transcript of that name:
#
#   tests/bare_root.sh --readme root   what quickstart prints in a bare Debian
#   { echo '$ scripts/test --fast'; scripts/test --fast 2>&1 | grep -v '^Running main'; } | tests/transcript.sh test
#
# README.md marks the places: <!-- transcript: NAME --> and <!-- end -->.
set -euo pipefail
readme=$(dirname "$(dirname "$(realpath "${BASH_SOURCE[0]}")")")/README.md
name=${1:?"usage: tests/transcript.sh NAME"}
grep -qxF "<!-- transcript: $name -->" "$readme" || { echo "README.md has no place for '$name'" >&2; exit 1; }
text=$(mktemp)
trap 'rm -f "$text" "$readme.new"' EXIT
# How many tests there are is said by those who run them: here it would be true until the next one.
sed -E 's/[0-9]+ (tests|test suites|passed)\b/[…] \1/g' >"$text"
[ -s "$text" ] || { echo "there is nothing to put there" >&2; exit 1; }

awk -v begin="<!-- transcript: $name -->" -v text="$text" '
  $0 == begin {
    print
    print "```"
    while ((getline line < text) > 0) print line
    print "```"
    inside = 1
  }
  $0 == "<!-- end -->" { inside = 0 }
  !inside { if ($0 != begin) print }
' "$readme" >"$readme.new"
cat "$readme.new" >"$readme"
