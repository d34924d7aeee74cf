#!/bin/sh
#
# Builds Prometheus 3, the program of the module that go.mod names, once for
# each state of go.mod, and prints the path of the program.  Exit status 77:
# it cannot be built on this machine, the reason is on stderr.
#
# Without the service discoveries of clouds (remove_all_sd) and without the
# web pages, which the module does not hold, and after the Collector, with which
# it shares most libraries, it takes less than a minute of two cores.
#
# OPENQOE_CACHE  where it is kept (~/.cache/openqoe)

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

program=github.com/prometheus/prometheus
version=$(sed -n "s,^[[:space:]]*$program v0\.\([0-9]\)\([0-9][0-9]\)\.,\1.\2.,p" \
              go.mod | sed 's/ .*//; s/\.0\([0-9]\)/.\1/')
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/prometheus3
key=$(cat go.mod go.sum build.sh | sha256sum | cut -c 1-16)
out=$cache/$key/prometheus

mkdir -p "$cache/$key"

# Tests run side by side: the first one builds, the others wait.
(
    flock 9
    [ -x "$out" ] && exit 0

    echo "building Prometheus $version with go $have" >&2
    flags="-s -w -X github.com/prometheus/common/version.Version=$version"
    nice go build -trimpath -tags remove_all_sd -ldflags="$flags" \
         -o "$out.new" $program/cmd/prometheus && mv "$out.new" "$out"
) 9>"$cache/$key/lock" || { echo "Prometheus was not built" >&2; exit 1; }

# Programs of older versions are removed after a month.
find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" -mtime +30 \
     -exec rm -rf {} +

echo "$out"
