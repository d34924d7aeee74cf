#!/bin/sh
#
# Builds the Collector of this directory and prints its path; see go_build.sh.

set -eu

cd "$(dirname "$0")"

exec ../go_build.sh otelcol "the Collector" "go.mod go.sum $(echo ./*.go)" . \
     -ldflags='-s -w'
