#!/bin/sh
#
# Fetches a Kafka broker, as pom.xml names it, by Maven, once for each state of
# that file, and prints the directory of its jars.  Exit status 77: it cannot be
# had on this machine, the reason is on stderr.
#
# OPENQOE_CACHE  where the jars are kept (~/.cache/openqoe)

set -eu

cd "$(dirname "$0")"

skip()
{
    echo "$*" >&2
    exit 77
}

command -v java >/dev/null 2>&1 || skip "java is not installed"
command -v mvn >/dev/null 2>&1 || skip "mvn is not installed"

have=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p')
[ "${have:-0}" -ge 17 ] || skip "java $have is older than 17"

cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/kafka
key=$(sha256sum <pom.xml | cut -c 1-16)
jars=$cache/$key

mkdir -p "$cache"

# Tests run side by side: the first one fetches, the others wait.
(
    flock 9
    [ -e "$jars/complete" ] && exit 0

    rm -rf "$jars"
    nice mvn --quiet --batch-mode --file pom.xml \
        dependency:copy-dependencies -DoutputDirectory="$jars" \
        -DincludeScope=runtime >&2 || exit 77
    touch "$jars/complete"
) 9>"$cache/$key.lock" || skip "Kafka cannot be fetched by Maven"

echo "$jars"
