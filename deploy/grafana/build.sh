#!/bin/sh
#
# Makes the dashboards: build.py, in a virtual environment with the SDK's
# version of requirements.txt, which is fetched from PyPI once for each state
# of that file.  Arguments go to build.py.  Exit status 77: the SDK cannot be
# had on this machine, the reason is on stderr.
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
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
    || skip "python3 is older than 3.11, which the SDK needs"
python3 -c 'import ensurepip, venv' 2>/dev/null \
    || skip "python3 cannot make virtual environments (package python3-venv)"

version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/grafana
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
) 9>"$cache/$key.lock" || skip "the SDK cannot be fetched from PyPI"

exec "$env/bin/python" -B build.py "$@"
