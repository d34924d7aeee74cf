#!/bin/sh

# Copyright (C) OpenQoE
#
# Prints the files of the live page as C: each as it is and packed by gzip,
# with its type and a checksum for the ETag.  Run from the top:
#
#     ui/embed.sh > DIR/ngx_http_openqoe_ui.c

set -eu
export LC_ALL=C

# A file's name in the page, and where it is.  The first one is the page.
files='live.html:ui/live.html
live.css:ui/live.css
live.js:ui/live.js
uPlot.js:ui/vendor/uPlot.js
htm-preact.js:ui/vendor/htm-preact.js'

type_of() {
    case $1 in
        *.html) echo 'text/html; charset=utf-8' ;;
        *.css) echo 'text/css; charset=utf-8' ;;
        *.js) echo 'text/javascript; charset=utf-8' ;;
    esac
}

bytes() {
    od -An -v -tx1 | sed 's/ \([0-9a-f][0-9a-f]\)/0x\1,/g'
}

printf '/* Made by ui/embed.sh of the files in ui/. */\n\n'
printf '#include "ngx_http_openqoe_page.h"\n\n'

n=0
table=

for entry in $files; do
    name=${entry%%:*}
    file=${entry#*:}
    # shellcheck disable=SC2046
    set -- $(cksum < "$file")

    printf 'static const u_char  plain_%d[] = {\n' "$n"
    bytes < "$file"
    printf '};\n\nstatic const u_char  packed_%d[] = {\n' "$n"
    gzip -9nc < "$file" | bytes
    printf '};\n\n'

    table="$table    { ngx_string(\"$name\"), \"$(type_of "$name")\",
      \"$(printf '%08x-%x' "$1" "$2")\", plain_$n, sizeof(plain_$n), packed_$n, sizeof(packed_$n) },
"
    n=$((n + 1))
done

printf 'const ngx_http_openqoe_asset_t  ngx_http_openqoe_assets[] = {\n%s' \
    "$table"
printf '    { ngx_null_string, NULL, NULL, NULL, 0, NULL, 0 }\n};\n'
