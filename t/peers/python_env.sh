#!/bin/sh
#
# Makes a virtual environment of Python with what DIR/requirements.txt names,
# fetched from PyPI once for each state of that file, and prints the path of its
# Python:
#
#     python_env.sh DIR WHAT
#
# WHAT is what the reason calls it.  Exit status 77: it cannot be had on this
# machine, the reason is on stderr.
#
# OPENQOE_CACHE  where environments are kept (~/.cache/openqoe)

set -eu

skip()
{
    echo "$*" >&2
    exit 77
}

cd "$1"

command -v python3 >/dev/null 2>&1 || skip "python3 is not installed"
python3 -c 'import ensurepip, venv' 2>/dev/null \
    || skip "python3 cannot make virtual environments (package python3-venv)"

version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/$(basename "$PWD")
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
) 9>"$cache/$key.lock" || skip "$2 cannot be fetched from PyPI"

echo "$env/bin/python"
