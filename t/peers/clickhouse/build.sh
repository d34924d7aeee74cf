#!/bin/sh
#
# Fetches the engine of ClickHouse, as requirements.txt names it, from PyPI into
# a virtual environment, once for each state of that file, and prints the path
# of the environment's Python.  Exit status 77: it cannot be had on this
# machine, the reason is on stderr.
#
# OPENQOE_CACHE  where the environment is kept (~/.cache/openqoe)

set -eu

cd "$(dirname "$0")"

exec ../python_env.sh . "ClickHouse's engine (chdb-core)"
