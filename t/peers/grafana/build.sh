#!/bin/sh
#
# Builds the check of dashboards, main.go, with Grafana's Foundation SDK for Go,
# and prints its path; see go_build.sh.

set -eu

cd "$(dirname "$0")"

exec ../go_build.sh grafana-check "the check of dashboards" \
     "go.mod go.sum main.go build.sh" . -ldflags='-s -w'
