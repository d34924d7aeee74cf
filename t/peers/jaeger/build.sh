#!/bin/sh
#
# Builds Jaeger 2, the program of the module that go.mod names, and prints its
# path; see go_build.sh.  The build takes some ten minutes of two cores, so it
# has to be asked for.
#
# v1.76.0 is the module version of Jaeger 2.13.0.  Its web pages, which the
# module does not hold, are not needed: the tests ask its API.
#
# OPENQOE_JAEGER  1: build it if it is not there

set -eu

cd "$(dirname "$0")"

[ "${OPENQOE_JAEGER:-0}" = 1 ] || set -- -c \
    "Jaeger is not built; OPENQOE_JAEGER=1 builds it, in ten minutes"

exec ../go_build.sh "$@" jaeger "Jaeger 2.13.0" "go.mod go.sum build.sh" \
     github.com/jaegertracing/jaeger/cmd/jaeger -ldflags='-s -w'
