#!/bin/sh
#
# Builds the check of dashboards, main.go, with Grafana's Foundation SDK for Go,
# once for each state of this directory, and prints the path of the program.
# Exit status 77: it cannot be built on this machine, the reason is on stderr.
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

cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/grafana-check
key=$(cat go.mod go.sum main.go build.sh | sha256sum | cut -c 1-16)
out=$cache/$key/check

mkdir -p "$cache/$key"

# Tests run side by side: the first one builds, the others wait.
(
    flock 9
    [ -x "$out" ] && exit 0

    echo "building the check of dashboards with go $have" >&2
    nice go build -trimpath -ldflags="-s -w" -o "$out.new" . \
        && mv "$out.new" "$out"
) 9>"$cache/$key/lock" || { echo "it was not built" >&2; exit 1; }

# Programs of older versions are removed after a month.
find "$cache" -mindepth 1 -maxdepth 1 ! -name "$key" -mtime +30 \
     -exec rm -rf {} +

echo "$out"
