#!/bin/sh
#
# Builds Prometheus 3, the program of the module that go.mod names, and prints
# its path; see go_build.sh.
#
# Without the service discoveries of clouds (remove_all_sd) and without the
# web pages, which the module does not hold, and after the Collector, with which
# it shares most libraries, it takes less than a minute of two cores.

set -eu

cd "$(dirname "$0")"

program=github.com/prometheus/prometheus
version=$(sed -n "s,^[[:space:]]*$program v0\.\([0-9]\)\([0-9][0-9]\)\.,\1.\2.,p" \
              go.mod | sed 's/ .*//; s/\.0\([0-9]\)/.\1/')
flags="-s -w -X github.com/prometheus/common/version.Version=$version"

exec ../go_build.sh prometheus3 "Prometheus $version" \
     "go.mod go.sum build.sh" $program/cmd/prometheus -tags remove_all_sd \
     -ldflags="$flags"
