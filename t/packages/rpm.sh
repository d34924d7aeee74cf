#!/usr/bin/env bash
#
# Builds the packages of rpm/nginx-mod-openqoe.spec into build/rpm, looks at
# what is in them, and lets nginx load the module that is.
#
# The spec is for Fedora and EPEL.  Where their nginx-mod-devel is not installed,
# as on Debian, rpm.macros beside this file stands in for its macros, and
# Debian's nginx-dev for its source: that shows that the spec builds, and makes
# no package for anyone.
#
#   t/packages/rpm.sh [OPTION..]   (of rpmbuild, as --nocheck)

set -euo pipefail
cd "$(dirname "$0")/../.."

out=$PWD/build/rpm
top=$out/top
spec=rpm/nginx-mod-openqoe.spec
export LC_ALL=C.UTF-8


say() { printf '== %s\n' "$*" >&2; }
die() { printf 'rpm.sh: %s\n' "$*" >&2; exit 1; }

# has PATTERN : the packages hold a file of that path
has() { grep -qx -- "$1" <<< "$listing" || die "no package has $1"; }

command -v rpmbuild > /dev/null || die "rpmbuild is not installed"

version=$(make -s -f src/lib.mk version)
args=(--define "_topdir $top")
if [ "$(rpm --eval '%{?nginx_modbuild:yes}')" != yes ]; then
    [ -f /usr/share/nginx/src/conf_flags ] \
        || die "neither nginx-mod-devel nor Debian's nginx-dev is installed"
    say "without nginx-mod-devel: a trial build with Debian's nginx"
    args+=(--nodeps --load "$PWD/t/packages/rpm.macros")
fi

rm -rf "$top" "$out/root"
mkdir -p "$top/SOURCES" "$out/root"
tar --exclude-vcs --exclude=./build --exclude=node_modules \
    --transform "s,^\.,openqoe-nginx-$version," \
    -czf "$top/SOURCES/openqoe-nginx-$version.tar.gz" .

say "building the packages, log: build/rpm/build.log"
rpmbuild -ba "${args[@]}" "$@" "$spec" > "$out/build.log" 2>&1 \
    || { tail -n 20 "$out/build.log" >&2; die "the build failed"; }
rm -f "$out"/*.rpm
find "$top" -name '*.rpm' -exec mv -t "$out" {} +
rm -rf "$top"

for package in "$out"/*."$(uname -m)".rpm; do
    rpm2cpio "$package" | (cd "$out/root" && cpio -idm --quiet)
done
listing=$(cd "$out/root" && find . -type f | sed 's,^\.,,')
module=$(grep '/ngx_http_openqoe_module\.so$' <<< "$listing") \
    || die "no package has the module"
has /usr/bin/openqoe-spool
has '.*/nginx-mod-openqoe/examples/openqoe\.conf'
has '.*/man1/openqoe-spool\.1\(\.gz\)\?'
conf=$(grep '/mod-http-openqoe\.conf$' <<< "$listing") \
    || die "no package loads the module"
grep -q "load_module \"$module\";" "$out/root$conf" \
    || die "$conf loads another module than $module"

"$out/root/usr/bin/openqoe-spool" --version > /dev/null
printf 'load_module "%s";\nevents {}\nhttp { openqoe_zone qoe:64m; }\n' \
    "$out/root$module" > "$out/nginx.conf"
PATH=$PATH:/usr/sbin nginx -t -q -p "$out" -e stderr \
    -g "pid $out/nginx.pid;" -c "$out/nginx.conf" \
    || die "nginx does not load the module"
say "nginx loads the module of the package"
rm -rf "$out/root" "$out/nginx.conf" "$out/nginx.pid"
ls "$out"/*.rpm
