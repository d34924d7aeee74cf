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

# what python_env.sh says itself where there is none
if command -v python3 >/dev/null 2>&1 \
   && ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'
then
    echo "python3 is older than 3.11, which the SDK needs" >&2
    exit 77
fi

python=$(../../t/peers/python_env.sh . "the SDK")

exec "$python" -B build.py "$@"
