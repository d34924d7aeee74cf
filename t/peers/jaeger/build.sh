#!/bin/sh
#
# Builds Jaeger 2, the program of the module that go.mod names, once for
# each state of go.mod, and prints the path of the program.  Exit status 77:
# it cannot be built on this machine, or is not to be; the reason is on stderr.
# The build takes some ten minutes of two cores, so it has to be asked for.
#
# v1.76.0 is the module version of Jaeger 2.13.0.  Its web pages, which the
# module does not hold, are not needed: the tests ask its API.
#
# OPENQOE_CACHE   where it is kept (~/.cache/openqoe)
# OPENQOE_JAEGER  1: build it if it is not there

set -eu

cd "$(dirname "$0")"

skip()
{
    echo "$*" >&2
    exit 77
}

command -v go >/dev/null 2>&1 || skip "go is not installed"

# the Go that is installed or none: no other is fetched to replace it
GOTOOLCHAIN=local
GOFLAGS=-buildvcs=false
GOWORK=off
CGO_ENABLED=0
export GOTOOLCHAIN GOFLAGS GOWORK CGO_ENABLED

need=$(sed -n 's/^go \([0-9.]*\).*/\1/p' go.mod)
have=$(cd / && go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
oldest=$(printf '%s\n' "$need" "$have" | sort -V | head -n 1)
[ "$oldest" = "$need" ] || skip "go $have is older than $need"

program=github.com/jaegertracing/jaeger
version=2.13.0
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/jaeger
key=$(cat go.mod go.sum build.sh | sha256sum | cut -c 1-16)
out=$cache/$key/jaeger

[ -x "$out" ] || [ "${OPENQOE_JAEGER:-0}" = 1 ] \
    || skip "Jaeger is not built; OPENQOE_JAEGER=1 builds it, in ten minutes"

mkdir -p "$cache/$key"

# Tests run side by side: the first one builds, the others wait.
(
    flock 9
    [ -x "$out" ] && exit 0

    echo "building Jaeger $version with go $have" >&2
    nice go build -trimpath -ldflags="-s -w" -o "$out.new" \
         $program/cmd/jaeger && mv "$out.new" "$out"
) 9>"$cache/$key/lock" || { echo "Jaeger was not built" >&2; exit 1; }

# Programs of older versions are removed after a month.
find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" -mtime +30 \
     -exec rm -rf {} +

echo "$out"
