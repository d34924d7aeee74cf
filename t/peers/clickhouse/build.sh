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

skip()
{
    echo "$*" >&2
    exit 77
}

command -v python3 >/dev/null 2>&1 || skip "python3 is not installed"
python3 -c 'import ensurepip, venv' 2>/dev/null \
    || skip "python3 cannot make virtual environments (package python3-venv)"

version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/clickhouse
key=$(sha256sum <requirements.txt | cut -c 1-16)-$version
env=$cache/$key

mkdir -p "$cache"

# Tests run side by side: the first one fetches, the others wait.
(
    flock 9
    [ -e "$env/complete" ] && exit 0

    rm -rf "$env"
    python3 -m venv "$env" >&2
    "$env/bin/pip" --quiet --disable-pip-version-check install \
        --no-deps --require-hashes -r requirements.txt >&2 || exit 77
    touch "$env/complete"
) 9>"$cache/$key.lock" \
    || skip "ClickHouse's engine (chdb-core) cannot be fetched from PyPI"

echo "$env/bin/python"
