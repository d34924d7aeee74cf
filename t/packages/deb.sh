#!/usr/bin/env bash
#
# Builds the Debian packages of this tree into build/deb/SUITE, twice, so that
# it shows whether a build leaves the source tree as it found it and makes the
# same files again; lets lintian look at them; installs them into a clean system
# of that suite, where debian/tests/event starts nginx and posts an event; purges
# them there and looks for what is left.
#
#   t/packages/deb.sh [SUITE]      (the suite of this machine)
#
# For another suite than this machine's, the packages are built in a chroot too.
# Without root, debootstrap or a mirror there is no chroot: then it says so.
#
# DEB_BUILD_OPTIONS  as dpkg-buildpackage has it; nocheck leaves out unit tests
# OPENQOE_CACHE      where the clean systems are kept (~/.cache/openqoe)
# OPENQOE_MIRROR     of Debian (http://deb.debian.org/debian)

set -euo pipefail
cd "$(dirname "$0")/../.."

# shellcheck disable=SC1091
host=$(. /etc/os-release; echo "${VERSION_CODENAME:-sid}")
suite=${1:-$host}
mirror=${OPENQOE_MIRROR:-http://deb.debian.org/debian}
cache=${OPENQOE_CACHE:-${HOME:-/tmp}/.cache/openqoe}/debootstrap
out=$PWD/build/deb/$suite
work=$out/work
root=$work/root
export LC_ALL=C.UTF-8


say() { printf '== %s\n' "$*" >&2; }
die() { printf 'deb.sh: %s\n' "$*" >&2; exit 1; }

[[ $suite =~ ^[a-z]+$ ]] || die "no name of a suite: $suite"


# Why there can be no chroot here; nothing when there can.
no_chroot() {
    if [ "$(id -u)" != 0 ]; then
        echo "that takes root"
    elif ! command -v debootstrap > /dev/null; then
        echo "debootstrap is not installed"
    elif [ ! -e "$cache/$suite.tar" ]; then
        make_clean_system > "$out/debootstrap.log" 2>&1 \
            || echo "debootstrap failed, see $out/debootstrap.log"
    fi
}


# A minimal system as a tar file, made once for each suite.
make_clean_system() {
    local dir="$cache/$suite.$$" security=
    case $suite in sid|unstable) ;; *)
        security="deb ${mirror%/*}/debian-security $suite-security main" ;;
    esac
    mkdir -p "$cache"
    say "debootstrap $suite"
    if ! debootstrap --variant=minbase "$suite" "$dir" "$mirror"; then
        rm -rf --one-file-system "$dir"
        return 1
    fi
    printf '%s\n' "deb $mirror $suite main" "$security" \
        > "$dir/etc/apt/sources.list"
    # no service starts by itself there
    printf '#!/bin/sh\nexit 101\n' > "$dir/usr/sbin/policy-rc.d"
    chmod 755 "$dir/usr/sbin/policy-rc.d"
    rm -rf "$dir"/var/cache/apt/archives/*.deb
    tar -C "$dir" --numeric-owner -cf "$cache/$suite.tar.new" .
    rm -rf --one-file-system "$dir"
    mv "$cache/$suite.tar.new" "$cache/$suite.tar"
}


# A clean system of the suite in $root, with the lists of its packages.
clean_system() {
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    tar -C "$root" --numeric-owner -xpf "$cache/$suite.tar"
    cp -L /etc/resolv.conf "$root/etc/resolv.conf"
    # a proxy that this machine's apt uses, and old lists that it takes
    apt-config dump | grep -iE '^Acquire::(https?::|Check-Valid-Until)' \
        > "$root/etc/apt/apt.conf.d/90host" || :
    in_root apt-get -qq update
}


# Runs a command in $root.  Where the kernel lets us, in a namespace for
# processes, which ends all that the command left, and with a /proc.
in_root() {
    local -a spaces=()
    if unshare --mount --pid --fork true 2> /dev/null; then
        spaces=(unshare --mount --pid --fork --kill-child "--mount-proc=$root/proc")
    fi
    "${spaces[@]}" chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive OPENQOE_PORT="${port:-}" \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

install_in_root() {
    in_root apt-get -qq install -y --no-install-recommends "$@" > "$log" 2>&1 \
        || { tail -n 20 "$log" >&2; die "apt-get install failed: $log"; }
}


# source_tree DIR: the tree and beside it the tar file that upstream would
# publish, which has no debian/.
source_tree() {
    local dir=$1
    mkdir -p "$dir/$source-$upstream"
    tar --exclude-vcs --exclude=./build --exclude=node_modules \
        --exclude=./debian -cf - . | tar -C "$dir/$source-$upstream" -xf -
    tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner \
        -czf "$dir/${source}_$upstream.orig.tar.gz" "$source-$upstream"
    cp -r debian "$dir/$source-$upstream/"
}


# build_packages DIR: builds in DIR, a path below $root or of this machine.
# The second build is one of a tree in which the first one was run.
build_packages() {
    local dir=$1 run=${2:-} top=${3:-$1}
    say "building the packages for $suite, log: ${log#"$PWD"/}"
    # shellcheck disable=SC2016
    $run bash -euc '
        cd "$1"
        DEB_BUILD_OPTIONS="parallel=$(nproc) ${2:-}" dpkg-buildpackage -us -uc
        mkdir ../first
        mv ../*.deb ../first/
        DEB_BUILD_OPTIONS="parallel=$(nproc) nocheck ${2:-}" dpkg-buildpackage -us -uc
        for deb in ../*.deb; do
            cmp "$deb" "../first/${deb##*/}"
        done
        rm -r ../first' build "$top/$source-$upstream" \
        "${DEB_BUILD_OPTIONS:-}" > "$log" 2>&1 \
        || { tail -n 30 "$log" >&2; die "the build failed: $log"; }
    say "two builds made the same packages"

    $run lintian --allow-root --fail-on error,warning \
        "$top/${source}_${version}_$arch.changes" >&2 \
        || die "lintian has objections"
    say "lintian has none"
    rm -f "$out"/*.deb "$out"/*.dsc "$out"/*.tar.* "$out"/*.changes \
        "$out"/*.buildinfo
    find "$dir" -maxdepth 1 -type f -exec cp -t "$out" {} +
}


# The packages in a clean system: installed, used, purged.
try_packages() {
    local files left file
    local -a debs
    clean_system
    mkdir "$root/packages"
    cp "$out"/*.deb debian/tests/event "$root/packages/"
    rm -f "$root"/packages/*-dbgsym_*
    log=$out/install.log
    say "installing into a clean $suite, log: ${log#"$PWD"/}"
    install_in_root nginx curl
    debs=("$root"/packages/*.deb)
    install_in_root "${debs[@]#"$root"}"
    files=$(in_root dpkg -L "${packages[@]}" | sort -u)

    port=$(perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(
        Listen => 1, LocalAddr => "127.0.0.1")->sockport')
    in_root /packages/event || die "the packages do not work in a clean $suite"

    # what the administrator made, who takes the site away before the module
    rm -rf "$root"/etc/nginx/sites-*/openqoe "$root/var/spool/openqoe" \
        "$root/var/log/nginx/openqoe.jsonl" "$root/packages"
    in_root apt-get -qq purge -y "${packages[@]}" >> "$log" 2>&1 \
        || { tail -n 20 "$log" >&2; die "purge failed: $log"; }
    left=$(in_root find / -xdev -name '*openqoe*'
           in_root find -L /etc/nginx -type l
           while read -r file; do
               [ -d "$root$file" ] || [ ! -e "$root$file" ] || echo "$file"
           done <<< "$files")
    [ -z "$left" ] || die "the purge leaves: ${left//$'\n'/ }"
    in_root nginx -t -q || die "nginx does not start after the purge"
    say "purged, nothing is left"
}


source=$(dpkg-parsechangelog -S Source)
version=$(dpkg-parsechangelog -S Version)
upstream=${version%-*}
arch=$(dpkg --print-architecture)
mapfile -t packages < <(sed -n 's/^Package: //p' debian/control)

mkdir -p "$out"
rm -rf --one-file-system "$work"
mkdir "$work"
trap 'rm -rf --one-file-system "$work"' EXIT

reason=$(no_chroot)
log=$out/build.log

if [ "$suite" = "$host" ]; then
    source_tree "$work"
    build_packages "$work"
elif [ -z "$reason" ]; then
    clean_system
    source_tree "$root/build"
    install_in_root build-essential lintian
    in_root bash -ec 'cd /build/*/ && apt-get -qq build-dep -y \
        --no-install-recommends ./' > "$log" 2>&1 \
        || { tail -n 20 "$log" >&2; die "apt-get build-dep failed: $log"; }
    build_packages "$root/build" in_root /build
else
    die "packages for $suite are built in a chroot, and $reason"
fi

if [ -z "$reason" ]; then
    try_packages
else
    say "not installed into a clean $suite: $reason"
fi

say "the packages are in ${out#"$PWD"/}"
ls "$out"/*.deb
