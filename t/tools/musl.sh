#!/usr/bin/env bash
#
# Compiles every room, the nginx glue and the tool against the headers of musl,
# which nginx's own images for Alpine Linux have instead of glibc, and makes no
# object.  Run from the top, after "./build.sh build" for the glue (without
# that the rooms alone are compiled); needs musl-gcc.

set -euo pipefail

cd "$(dirname "$0")/../.."

dir=build/musl
tree=build/nginx
gcc=${CC:-gcc}

# where HEADER [INCLUDED]: the file that gcc reads for it.
where() {
    printf '#include <%s>\n' "${2:-$1}" | $gcc -D_GNU_SOURCE \
        -DPCRE2_CODE_UNIT_WIDTH=8 -M -x c - 2> /dev/null |
        grep -o "/[^ ]*/$1" | sed -n 1p
}

# Only the libraries' own headers: beside them /usr/include has glibc's.
link() {
    local header=$1 path
    path=$(where "$header")
    ln -sfn "${path%"$header"}${header%%/*}" "$dir/include/${header%%/*}"
}

rm -rf "$dir"
mkdir -p "$dir/include/openssl"

for header in jansson.h jansson_config.h curl/curl.h protobuf-c/protobuf-c.h \
    zlib.h zconf.h linux/types.h asm/types.h asm-generic/types.h
do
    link $header
done

# OpenSSL has its headers in two directories, by architecture and common
for header in openssl/ssl.h openssl/opensslconf.h; do
    path=$(where $header openssl/ssl.h)
    ln -sf "${path%/*}"/*.h "$dir/include/openssl/"
done

make -s -f src/lib.mk gen
rooms=$(make -s -f src/lib.mk rooms)
flags="-std=gnu11 -O2 -fsyntax-only -W -Wall -Wextra -Werror -Wshadow
    -Wmissing-prototypes -isystem $dir/include -isystem build/gen"
sources=(tools/*.c)

for room in $rooms; do
    flags+=" -Isrc/$room"
    sources+=(src/"$room"/*.c)
done

# ISA-L is there or not by QOE_ISAL alone, and its room has one caller of it
if [ "$(make -s -f src/lib.mk isal)" = yes ]; then
    link isa-l/igzip_lib.h
    flags+=" -DQOE_ISAL=1"
fi

check() {
    # shellcheck disable=SC2086
    printf '%s\0' "$@" | xargs -0 -n 8 -P "$(nproc)" musl-gcc $flags
}

flags+=' -DOPENQOE_VERSION="musl"'
check "${sources[@]}"
echo "musl: ${#sources[@]} files of the rooms and the tool compile"

if [ ! -f $tree/objs/ngx_auto_config.h ]; then
    echo "musl: the glue was not compiled: no configured nginx in $tree"
    exit 0
fi

[ -z "$(where pcre2.h)" ] || link pcre2.h
# nginx names it, the module uses nothing of it, and Debian's musl has none
: > "$dir/include/crypt.h"

# QUIC and HTTP/3 are in nginx since 1.25
for name in core event event/modules event/quic os/unix http http/modules \
    http/v2 http/v3
do
    [ ! -d "$tree/src/$name" ] || flags+=" -isystem $tree/src/$name"
done

flags+=" -isystem $tree/objs -Isrc/nginx -Wno-unused-parameter"
check ngx_http_openqoe_module.c src/nginx/*.c
echo "musl: the glue compiles"
