#!/bin/sh
#
# go_build.sh [-c REASON] NAME WHAT SOURCES PACKAGE [OPTION..]: builds the Go
# program NAME of PACKAGE, once for each state of the files SOURCES, with these
# options of "go build", and prints its path.  To be run in the directory of
# its go.mod; WHAT names it in messages.  With -c it is not built, only found.
# Exit status 77: it cannot be had, the reason is on stderr.
#
# OPENQOE_CACHE  where the programs are kept (~/.cache/openqoe)

set -eu

skip()
{
    echo "$*" >&2
    exit 77
}

reason=
if [ "$1" = -c ]; then
    reason=$2
    shift 2
fi

name=$1 what=$2 sources=$3 package=$4
shift 4

command -v go >/dev/null 2>&1 || skip "go is not installed"

# The Go that is installed or none: no other is fetched to replace it.
GOTOOLCHAIN=local
GOFLAGS=-buildvcs=false
GOWORK=off
CGO_ENABLED=0
export GOTOOLCHAIN GOFLAGS GOWORK CGO_ENABLED

need=$(sed -n 's/^go \([0-9.]*\).*/\1/p' go.mod)
have=$(cd / && go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
oldest=$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)
[ "$oldest" = "$need" ] || skip "go $have is older than $need"

cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/$name
# shellcheck disable=SC2086
key=$(cat $sources | sha256sum | cut -c 1-16)
out=$cache/$key/$name

[ -x "$out" ] || [ -z "$reason" ] || skip "$reason"

mkdir -p "$cache/$key"

# Tests run side by side: the first one builds, the others wait.
(
    flock 9
    [ -x "$out" ] && exit 0

    echo "building $what with go $have" >&2
    nice go build -trimpath "$@" -o "$out.new" "$package" \
        && mv "$out.new" "$out"
) 9>"$cache/$key/lock" || { echo "$what was not built" >&2; exit 1; }

# Programs of older sources are removed after a month.
find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" -mtime +30 \
     -exec rm -rf {} +

echo "$out"
