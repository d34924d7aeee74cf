#!/bin/sh
#
# Installs the npm packages of this directory's lock file outside the tree,
# once for each state of it, and prints the directory that holds
# node_modules.  Exit status 77: they cannot be had here, the reason is on
# stderr.
#
# OPENQOE_CACHE  where they are kept (~/.cache/openqoe)

set -eu

cd "$(dirname "$0")"

for tool in node npm; do
    if ! command -v $tool >/dev/null 2>&1; then
        echo "$tool is not installed" >&2
        exit 77
    fi
done

# A directory for each state: another checkout may have another lock file.
key=$(cat package.json package-lock.json | sha256sum | cut -c 1-16)
dir=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/node/$key

mkdir -p "$dir"

# Tests run side by side: the first one installs, the others wait.
(
    flock 9
    [ -e "$dir/.done" ] && exit 0

    echo "installing the npm packages" >&2
    cp package.json package-lock.json "$dir" && cd "$dir" \
        && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 \
        && : > .done
) 9>"$dir/.lock" || { echo "the npm packages were not installed" >&2; exit 1; }

echo "$dir"
