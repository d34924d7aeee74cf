#!/bin/sh
#
# Builds VictoriaLogs, the program of the module that go.mod names, and prints
# its path; see go_build.sh.  It takes a quarter of a minute.

set -eu

cd "$(dirname "$0")"

exec ../go_build.sh victorialogs "VictoriaLogs" "go.mod go.sum" \
     github.com/VictoriaMetrics/VictoriaLogs/app/victoria-logs \
     -ldflags='-s -w'
