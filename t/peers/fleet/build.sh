#!/bin/sh
#
# Builds the Collector of a fleet's centre, with the components that the
# configurations of deploy/fleet name, and prints its path; see go_build.sh.

set -eu

cd "$(dirname "$0")"

exec ../go_build.sh otelcol-fleet "the Collector of a fleet" \
     "go.mod go.sum $(echo ./*.go)" . -ldflags='-s -w'
