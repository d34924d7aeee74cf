#!/bin/sh
#
# Builds the module as it was at an earlier commit, one that made records of
# views already and knew nothing of fleets, and prints its path.  Exit status
# 77: it cannot be had on this machine, the reason is on stderr.
#
# OPENQOE_CACHE  where it is kept (~/.cache/openqoe)

set -eu

cd "$(dirname "$0")"

commit=66ad7a416d5975b130b715949964d9306f3f25a2

skip()
{
    echo "$*" >&2
    exit 77
}

command -v git >/dev/null 2>&1 || skip "git is not installed"
git cat-file -e "$commit^{commit}" 2>/dev/null \
    || skip "the history of this tree does not have the commit $commit"

# another nginx needs another build
nginx=${TEST_NGINX_BINARY:-nginx}
version=$($nginx -v 2>&1 | sed 's,.*nginx/\([0-9.]*\).*,\1,')
place=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/older
tree=$place/$commit-$version
module=$tree/build/ngx_http_openqoe_module.so

mkdir -p "$place"

(
    flock 9
    [ -e "$tree/complete" ] && exit 0

    rm -rf "$tree"
    mkdir -p "$tree"
    git -C "$(git rev-parse --show-toplevel)" archive "$commit" \
        | tar -x -C "$tree"
    nice "$tree/build.sh" build >&2
    touch "$tree/complete"
) 9>"$tree.lock" || { echo "the older module was not built" >&2; exit 1; }

echo "$module"
