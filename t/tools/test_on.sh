#!/usr/bin/env bash
#
# test_on.sh SUITE [short | FILE.. | -- COMMAND..]: builds, loads and tests the
# module in a Debian of that name (bookworm, trixie, sid), in a chroot that
# debootstrap makes once.  COMMAND is another one of build.sh, which is run
# there instead, such as "lint" or "sanitize units".  Exit status 77: that is
# impossible on this machine, the reason is on stderr.
#
# A mirror that does not answer, or that is slow, is no fault of the module: what
# comes over the network has a bound of its own, and leads to 77 as well.
#
# OPENQOE_CACHE    the chroot is kept below it (~/.cache/openqoe)
# OPENQOE_NETWORK  the bound in seconds for debootstrap, and again for what apt
#                  downloads (300)

set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${OPENQOE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/openqoe}
inside=/srv/openqoe
network=${OPENQOE_NETWORK:-300}

# Without FILE the quick tests, as "./build.sh test" has them; short: where
# another nginx, OpenSSL and libcurl show first, and HTTP/3, which Debian 12 does
# not have.  What needs a browser, Node or a collector is in the machine's own
# suite, or named as FILE.
short="directives events http connections environment cmcd_http3"

say() { printf '== %s\n' "$*" >&2; }
die() { printf 'test_on.sh: %s\n' "$*" >&2; exit 1; }
impossible() { printf 'test-on: not possible here: %s\n' "$*" >&2; exit 77; }


# The mirror that this machine's apt has its own Debian from.
mirror() {
    # shellcheck disable=SC2016
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' \
        'Created-By: Packages' 'Component: main' 2> /dev/null |
        awk '$1 ~ /\/debian\/?$/ && $2 !~ /-/ && !n++ { print $1 }'
}


# What apt has to be asked for beside that: a proxy, lists that are older than
# sid's week where this machine takes them, and certificates that it trusts
# beyond Debian's.
settings() {
    local root=$1 proxy
    proxy=$(apt-config dump --no-empty --format '%f "%v";%n' Acquire |
        grep -iE '^Acquire::(https?::proxy|Check-Valid-Until)' || true)
    printf '%s\n' "$proxy" > "$root/etc/apt/apt.conf.d/80host"
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    # an nginx that is upgraded in there must not start
    printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
    chmod 755 "$root/usr/sbin/policy-rc.d"
    mkdir -p "$root/usr/local/share/ca-certificates"
    find /usr/local/share/ca-certificates -name '*.crt' -exec \
        cp -t "$root/usr/local/share/ca-certificates" {} +
    chroot "$root" /usr/sbin/update-ca-certificates > /dev/null 2>&1 || true
}


# make_chroot SUITE ROOT: under the lock.  The name is given at the end, so
# that one which was interrupted is never used.
make_chroot() {
    local suite=$1 root=$2 from log=$2.log
    [ ! -d "$root" ] || return 0
    command -v debootstrap > /dev/null \
        || impossible "debootstrap is not installed"
    from=$(mirror)
    [ -n "$from" ] || impossible "apt names no mirror of Debian"

    say "debootstrap $suite from $from"
    rm -rf --one-file-system "$root.new"
    if ! timeout "$network" debootstrap --variant=minbase --include=ca-certificates "$suite" \
        "$root.new" "$from" > "$log" 2>&1
    then
        tail -n 5 "$log" >&2
        impossible "debootstrap $suite failed, or took $network s: $log"
    fi
    mv "$root.new" "$root"
}


# The tree as it is here, without what was built.  What was built there stays,
# and make goes by times: a file has a new one if its contents are others.
copy_tree() {
    local to=$1$inside new=$1$inside.new file
    rm -rf "$new"
    mkdir -p "$new" "$to/build"
    tar -C "$top" --exclude=./build --exclude=./.git -cf - . |
        tar -C "$new" --no-same-owner -xmf -
    (cd "$new" && find . -type f) | while read -r file; do
        ! cmp -s "$to/$file" "$new/$file" || touch -r "$to/$file" "$new/$file"
    done
    mv "$to/build" "$new/build"
    rm -rf "$to"
    mv "$new" "$to"
}


# In namespaces of our own, or with mounts that the caller takes away.
enter() {
    local root=$1
    shift
    mount -t proc proc "$root/proc" || impossible "no permission to mount"
    mount --rbind /dev "$root/dev"
    mount --make-rslave "$root/dev"
    # npm packages are the same everywhere; what else is there is not
    if [ -d "$cache/node" ]; then
        mkdir -p "$root/root/.cache/openqoe/node"
        mount --bind "$cache/node" "$root/root/.cache/openqoe/node"
    fi
    chroot "$root" env -i HOME=/root LC_ALL=C.UTF-8 TERM=dumb \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt \
        ${http_proxy:+http_proxy="$http_proxy"} \
        ${https_proxy:+https_proxy="$https_proxy"} \
        ${no_proxy:+no_proxy="$no_proxy"} \
        OPENQOE_PROVE_JOBS="${OPENQOE_PROVE_JOBS:-2}" \
        OPENQOE_NETWORK="$network" "$@"
}


leave() {
    umount -l "$1/root/.cache/openqoe/node" "$1/dev" "$1/proc" 2> /dev/null \
        || true
}


# apt-get, whose failure is the network's.
fetch() {
    timeout "$network" apt-get -qq -o APT::Update::Error-Mode=any "$@" \
        > /dev/null || impossible "apt-get $1 failed, or took $network s"
}

# What the build and the tests need is downloaded here.  Packages that the suite
# does not have are another matter: then the lists of build.sh are wrong.
download() {
    local updated=/var/lib/apt/openqoe.updated packages
    # an interrupted run may have left packages half installed
    dpkg --configure -a > /dev/null
    if [ -z "$(find $updated -mtime -1 2> /dev/null)" ]; then
        say "apt-get update and dist-upgrade"
        fetch update
        fetch dist-upgrade -y --download-only
        apt-get -qq -y dist-upgrade > /dev/null
        touch $updated
    fi
    read -ra packages <<< "$(./build.sh packages)"
    apt-get -qq -s install --no-install-recommends "${packages[@]}" \
        > /dev/null || die "this Debian does not have what build.sh installs"
    fetch install -y --no-install-recommends --download-only "${packages[@]}"
}

# Inside the chroot, from the tree: the steps.
steps() {
    export DEBIAN_FRONTEND=noninteractive
    download
    if [ "${1:-}" = -- ]; then
        ./build.sh "${@:2}"
        return
    fi
    ./build.sh build
    say "load: $(nginx -v 2>&1), gcc $(gcc -dumpfullversion)," \
        "$(curl-config --version)"
    cat > /tmp/load.conf <<END
load_module $PWD/build/ngx_http_openqoe_module.so;
error_log stderr;
events { }
http {
    openqoe_zone qoe:8m;
    server { listen 127.0.0.1:1; location / { openqoe_events; } }
}
END
    nginx -t -q -c /tmp/load.conf
    ./build.sh test "$@"
}


main() {
    local suite=${1:-} files=() name ns='' rc=0
    [[ $suite =~ ^[a-z]+$ ]] || die "usage: test_on.sh SUITE [short | FILE..\
 | -- COMMAND..]"
    shift
    if [ "${1:-}" = short ]; then
        for name in $short; do files+=("t/$name.t"); done
    else
        files=("$@")
    fi

    [ "$(id -u)" = 0 ] || impossible "a chroot needs root"
    command -v apt-get > /dev/null || impossible "this is no Debian"
    root=$cache/chroot/$suite
    mkdir -p "$cache/chroot"
    # two runs in one chroot would install and build over each other
    exec 8> "$root.lock"
    flock 8
    make_chroot "$suite" "$root"
    settings "$root"
    copy_tree "$root"

    if unshare --mount --pid --fork --kill-child true 2> /dev/null; then
        ns="unshare --mount --pid --fork --kill-child"
    else
        trap 'leave "$root"' EXIT
    fi
    # shellcheck disable=SC2086
    $ns "$BASH" "$0" --enter "$root" "${files[@]}" 8>&- || rc=$?
    return $rc
}


case ${1:-} in
    --enter)
        root=$2
        shift 2
        enter "$root" bash -c "cd $inside && exec t/tools/test_on.sh --steps \
            \"\$@\"" steps "$@" ;;
    --steps)
        shift
        cd "$inside"
        steps "$@" ;;
    *)
        main "$@" ;;
esac
