#!/usr/bin/env bash
#
# Builds, runs and tests OpenQoE for nginx.  Everything it needs it installs
# itself (Debian packages, npm modules for the tests), only what is missing.

set -euo pipefail
# as the caller means it, before this directory becomes the current one
NGINX_SRC=${NGINX_SRC:+$(realpath "$NGINX_SRC")}
cd "$(dirname "$0")"

TOP=$PWD
BUILD=$TOP/build
MODULE=ngx_http_openqoe_module.so
CACHE=${OPENQOE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/openqoe}
JOBS=${JOBS:-$(nproc)}

PKG_BUILD="gcc make libc6-dev nginx nginx-dev libjansson-dev libprotobuf-c-dev
    protobuf-compiler protobuf-c-compiler libcurl4-openssl-dev libssl-dev
    zlib1g-dev"
PKG_RUN="curl"
PKG_TEST="perl curl openssl procps locales libjson-xs-perl python3"
PKG_TEST_ALL="valgrind wrk ffmpeg chromium prometheus python3-venv"
# for t/modules.t: every dynamic module that Debian has for nginx
for mod in http-auth-pam http-brotli-filter http-brotli-static \
    http-cache-purge http-dav-ext http-echo http-fancyindex http-geoip \
    http-geoip2 http-headers-more-filter http-image-filter http-js http-lua \
    http-memc http-modsecurity http-ndk http-perl http-set-misc \
    http-srcache-filter http-subs-filter http-uploadprogress \
    http-upstream-fair http-xslt-filter mail nchan rtmp stream stream-geoip \
    stream-geoip2 stream-js
do
    PKG_TEST_ALL+=" libnginx-mod-$mod"
done
# for t/musl.t, t/cmcd_causes.t
PKG_TEST_ALL+=" musl-tools iproute2"
PKG_FUZZ="clang perl"
PKG_CHROOT="debootstrap"
PKG_BENCH="wrk perl curl procps libjson-xs-perl gnuplot-nox valgrind
    fonts-dejavu-core"
PKG_LINT="clang cppcheck shellcheck perl libjson-xs-perl"
PKG_RPM="rpm rpm2cpio cpio perl"
PKG_DEB="build-essential debhelper dpkg-dev lintian perl"

export PATH="$PATH:/usr/local/go/bin:/usr/sbin"


say() { printf '== %s\n' "$*" >&2; }
die() { printf 'build.sh: %s\n' "$*" >&2; exit 1; }


# Installs those of the named Debian packages that are missing.
need() {
    local missing=() p
    for p in "$@"; do
        # a line for each architecture
        dpkg-query -W -f '${db:Status-Status}\n' "$p" 2> /dev/null |
            grep -x installed > /dev/null || missing+=("$p")
    done
    [ ${#missing[@]} -eq 0 ] && return
    [ "$(id -u)" = 0 ] || die "missing packages, run as root or install:" \
        "apt-get install ${missing[*]}"

    # a fresh system has no package lists, and an old one has outdated lists:
    # apt-get is asked first whether it would find all of it
    if ! apt-get -qq -s install --no-install-recommends "${missing[@]}" \
        > /dev/null 2>&1
    then
        apt_update
    fi
    say "installing ${#missing[@]} package$([ ${#missing[@]} = 1 ] || echo s):" \
        "${missing[*]}"
    if ! apt_install "${missing[@]}"; then
        apt_update
        apt_install "${missing[@]}" || die "apt-get install failed: $APT_SAID"
    fi
}

apt_update() {
    say "fetching the package lists (apt-get update)"
    apt-get -qq update || die "apt-get update failed"
}

# What apt-get reports on its status descriptor, as a line for each fifth of
# the download and of the installation.
apt_progress() {
    local kind percent last=''
    while IFS=: read -r kind _ percent _; do
        case $kind in
            dlstatus) kind=downloaded ;;
            pmstatus) kind=installed ;;
            *) continue ;;
        esac
        percent=${percent%%[!0-9]*}
        percent=$((10#${percent:-0} / 20 * 20))
        if [ $percent -gt 0 ] && [ "$kind $percent" != "$last" ]; then
            last="$kind $percent"
            printf '   %s %s %%\n' "$kind" "$percent" >&2
        fi
    done
}

# need_build [PACKAGE..]: what a build needs and those.  ISA-L, which packs
# exports faster than zlib, is not in Debian for every architecture.
need_build() {
    # shellcheck disable=SC2086
    need $PKG_BUILD "$@"
    [ "${QOE_ISAL:-}" = no ] || (need libisal-dev) \
        || say "building without ISA-L: zlib packs the exports"
}

# Debian's nginx would start at once and take port 80: it is asked not to.
# What apt-get writes to stderr is left in APT_SAID, for the caller to show.
apt_install() {
    local policy=${OPENQOE_POLICY_RC:-/usr/sbin/policy-rc.d} made='' rc=0 log
    log=$(mktemp)
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' > "$policy"
        chmod 755 "$policy"
        made=1
    fi
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
        -o APT::Status-Fd=3 --no-install-recommends "$@" 3>&1 > /dev/null \
        2> "$log" | apt_progress || rc=$?
    [ -z "$made" ] || rm -f "$policy"
    APT_SAID=$(cat "$log")
    rm -f "$log"
    return $rc
}


# compile WHAT ARGUMENT..: make with those arguments, and a line for every 25
# of the files that it makes.
compile() {
    local what=$1 steps n=0 line
    shift
    steps=$(make -n "$@" | grep -cE '[[:blank:]]-o [^ ]+') || steps=0
    [ "$steps" -gt 0 ] || { make -s "$@"; return; }
    say "compiling $what: $steps files"
    make "$@" | while IFS= read -r line; do
        [[ $line =~ [[:blank:]]-o\ [^\ ]+ ]] || continue
        n=$((n + 1))
        [ $((n % 25)) -ne 0 ] || printf '   %s of %s\n' $n "$steps" >&2
    done
}


# own_build: build/ may have been made by another user, as by a run as root.
own_build() {
    local place=$TOP
    if [ -e "$BUILD" ]; then
        place=$(find "$BUILD" -maxdepth 3 ! -type l ! -writable -print -quit \
            || true)
    elif [ -w "$TOP" ]; then
        return
    fi
    [ -z "$place" ] || die "$(id -un) may not write to $place, which belongs" \
        "to $(stat -c %U "$place"): run this as $(stat -c %U "$place")," \
        "or take the tree over: sudo chown -R $(id -un) $TOP"
}


# nginx_tree DIR: a source tree to configure, Debian's or NGINX_SRC's, and in
# the array FLAGS the arguments of its configure.
nginx_tree() {
    local tree=$1 src=${NGINX_SRC:-/usr/share/nginx/src} from
    local -a NGX_CONF_FLAGS=()
    [ -f "$src/configure" ] || [ -f "$src/auto/configure" ] \
        || die "NGINX_SRC: no nginx source tree in $src"
    # a tree that was upgraded in its place is another one
    from=$( { cat "$src/src/core/nginx.h"
              [ ! -f "$src/conf_flags" ] || cat "$src/conf_flags"
            } | sha256sum)$src
    if [ "$(cat "$tree/.from" 2>/dev/null)" != "$from" ]; then
        rm -rf "$tree"
        mkdir -p "$(dirname "$tree")"
        cp -r "$src" "$tree"
        printf '%s' "$from" > "$tree/.from"
    fi
    if [ -f "$tree/conf_flags" ]; then
        # shellcheck disable=SC1091
        . "$tree/conf_flags"
        FLAGS=("${NGX_CONF_FLAGS[@]}")
    else
        FLAGS=(--with-threads --with-http_ssl_module --with-http_v2_module)
    fi
    # nginx's own default is -O
    FLAGS+=("--with-cc-opt=$(cc_opt "${FLAGS[@]}") -O2")
    FLAGS+=(--with-compat "--add-dynamic-module=$TOP")
}


case $TOP in
    *[[:space:]]*) die "nginx cannot be built below a path with spaces: $TOP" ;;
esac


# The value of the last --with-cc-opt= among the arguments.
cc_opt() {
    local arg opt=
    for arg in "$@"; do
        case $arg in --with-cc-opt=*) opt=${arg#--with-cc-opt=} ;; esac
    done
    printf '%s' "$opt"
}


# build_module DIR SO [CC_OPT LD_OPT]: builds in DIR/nginx, leaves SO.
build_module() {
    local dir=$1 so=$2 cc_opt=${3:-} ld_opt=${4:-} tree=$1/nginx configure stamp
    # two of us at once would build into the same files
    exec 9> "$dir/.lock"
    flock 9
    nginx_tree "$tree"
    [ -z "$cc_opt" ] || FLAGS+=("--with-cc-opt=$cc_opt" "--with-ld-opt=$ld_opt")
    configure=./configure
    [ -f "$tree/configure" ] || configure=auto/configure
    make -s -f src/lib.mk gen

    # configure lists the files by name, so a new one needs another run
    stamp=$( { printf '%s\n' "${FLAGS[@]}"; cat config; ls src/*/*.[ch];
               find proto -name '*.proto'; nginx -v 2>&1
               make -s -f src/lib.mk isal; } | sha256sum)
    if [ "$(cat "$tree/.configured" 2>/dev/null)" != "$stamp" ]; then
        say "configuring nginx in ${tree#"$TOP"/}"
        (cd "$tree" && bash $configure "${FLAGS[@]}") > "$dir/configure.log" \
            2>&1 || { tail -n 20 "$dir/configure.log" >&2
                      die "configure failed: $dir/configure.log"; }
        printf '%s' "$stamp" > "$tree/.configured"
    fi
    compile "the module" -C "$tree" -f objs/Makefile -j "$JOBS" modules

    # by rename: an nginx that runs has the old file mapped
    if ! cmp -s "$tree/objs/$MODULE" "$so"; then
        cp "$tree/objs/$MODULE" "$so.new"
        mv "$so.new" "$so"
    fi
    exec 9>&-
}


# from_module DIR WHAT GOAL..: goals of src/lib.mk in DIR/lib.  The library that
# they link is made of the module's own objects: nothing is compiled twice.
from_module() {
    local dir=$1 what=$2
    shift 2
    compile "$what" -f src/lib.mk -j "$JOBS" BUILD="$dir/lib" \
        OBJECTS="$dir/nginx/objs/addon" "$@"
}


cmd_build() {
    own_build
    need_build
    mkdir -p "$BUILD"
    build_module "$BUILD" "$BUILD/$MODULE"
    from_module build "openqoe-spool" programs
    if ! cmp -s build/lib/openqoe-spool build/openqoe-spool; then
        cp build/lib/openqoe-spool build/openqoe-spool.new
        mv build/openqoe-spool.new build/openqoe-spool
    fi
    say "built build/$MODULE and build/openqoe-spool"
}


# The module with the named places where a test kills it (qoe_failpoint.h): of
# a copy of the module's tree only the objects that have such places are
# compiled again.
build_failpoints() {
    local dir=$BUILD/failpoints stamp file object
    mkdir -p "$dir"
    stamp=$( { cat src/*/*.[ch]; cat "$BUILD/nginx/.configured"; } | sha256sum)
    [ "$(cat "$dir/.made" 2>/dev/null)" != "$stamp" ] || return 0
    rm -rf "$dir/nginx"
    cp -a "$BUILD/nginx" "$dir/nginx"
    grep -l qoe_failpoint src/*/*.c | while IFS= read -r file; do
        object=${file#src/}
        rm -f "$dir/nginx/objs/addon/${object%.c}.o"
    done
    sed -i 's/^CFLAGS =.*/& -DQOE_FAILPOINTS/' "$dir/nginx/objs/Makefile"
    compile "the module with failpoints" -C "$dir/nginx" -f objs/Makefile \
        -j "$JOBS" modules
    cp "$dir/nginx/objs/$MODULE" "$dir/$MODULE"
    printf '%s' "$stamp" > "$dir/.made"
}


# Whether nginx can listen on that port; else the reason.
port_is_free() {
    perl -MSocket -e '
        socket my $s, PF_INET, SOCK_STREAM, 0 or die "socket: $!\n";
        setsockopt $s, SOL_SOCKET, SO_REUSEADDR, 1;
        bind $s, sockaddr_in($ARGV[0], INADDR_ANY) or die lcfirst "$!\n"' "$1"
}

check_port() {
    local reason
    reason=$(port_is_free "$1" 2>&1) || die "nginx cannot listen on port $1" \
        "($reason): PORT=N ./build.sh run listens on another"
}

# run_conf PORT FILES: conf/openqoe.conf on that port.  Without a destination
# for the exporter there are two, which write into files below the directory
# FILES, so that events and metrics do not mix.
run_conf() {
    local files="    openqoe_exporter {\\
        endpoint file://$2/events.jsonl;\\
        signals logs;\\
    }\\
\\
    openqoe_exporter metrics {\\
        endpoint file://$2/metrics.jsonl;\\
        signals metrics;\\
        metric_interval 10s;\\
    }"
    sed -e "s/^\( *listen \)8788;/\1$1;/" \
        ${2:+-e "/^    openqoe_exporter {/,/^    }/c\\$files"} \
        conf/openqoe.conf
}


cmd_run() {
    local run=$BUILD/run port=${PORT:-8788} user to files=
    [[ $port =~ ^[1-9][0-9]{0,4}$ && $port -le 65535 ]] \
        || die "PORT: $port is no port"
    check_port "$port"
    own_build
    # shellcheck disable=SC2086
    need_build $PKG_RUN
    mkdir -p "$BUILD"
    build_module "$BUILD" "$BUILD/$MODULE"
    mkdir -p "$run/logs" "$run/tmp"
    ln -sfn "$BUILD" "$run/modules"
    ln -sfn "$TOP/examples" "$run/examples"
    # the variables that the module reads, in its order
    to=${OTEL_EXPORTER_OTLP_LOGS_ENDPOINT:-${OTEL_EXPORTER_OTLP_ENDPOINT:-}}
    to=${to:-${OTEL_URL:-}}
    if [ -z "$to" ] && [ "${DESTINATION_TYPE:-}" != GrafanaCloud ]; then
        files=$run/logs
        to="$files/events.jsonl, metrics to metrics.jsonl beside it"
    fi
    run_conf "$port" "$files" > "$run/openqoe.conf"
    # others may have taken it while this was compiling
    check_port "$port"
    cat <<EOF

  http://localhost:$port/

Open it: a video, the events that it posts, and the numbers, which move while
you watch.  By hand:

  curl -i http://localhost:$port/v2/events -H 'Content-Type: application/json' -d '{"events":[{"event_type":"playing","event_time":'\$(date +%s%3N)',"org_id":"demo","player_id":"html5","view_id":"'\$(cat /proc/sys/kernel/random/uuid)'","session_id":"s1","viewer_id":"v1","data":{"playing_time":1200}}]}'

Events go to:  ${to:-Grafana Cloud}
Stats:         http://localhost:$port/v2/stats
Metrics:       http://localhost:$port/v2/stats?format=prometheus
               (a counter that begins is 0 for 17 s: openqoe_series_birth;
               openqoe_delivery_* and openqoe_experience_* are made of the
               requests for the clip and of their CMCD)
Health:        http://localhost:$port/v2/health

(OTEL_URL=http://localhost:4317 ./build.sh run sends them to a collector,
PORT=N ./build.sh run listens on another port.)
EOF
    # this tree may lie where no other user may look, as below /root
    user="user $(id -un);"
    [ "$(id -u)" = 0 ] || user=
    exec nginx -p "$run/" -e stderr -c "$run/openqoe.conf" \
        -g "daemon off; $user"
}


# test_env quick|all: what the tests need beside the module; all: what those of
# t/slow need, too: Node, a browser, collectors.
test_env() {
    export OPENQOE_CACHE=$CACHE OPENQOE_BUILD=$BUILD
    if [ "$1" = quick ]; then
        # shellcheck disable=SC2086
        need_build $PKG_TEST
        return
    fi
    # shellcheck disable=SC2086
    need_build $PKG_TEST $PKG_TEST_ALL
    if ! command -v node > /dev/null || ! command -v npm > /dev/null; then
        need nodejs npm
    fi
    # 77: not to be had on this machine; its tests skip with the reason
    patiently "the npm packages" t/peers/node.sh || [ $? = 77 ]
    patiently "the Collector" t/peers/collector/build.sh || [ $? = 77 ]
    patiently "Prometheus 3" t/peers/prometheus3/build.sh || [ $? = 77 ]
    patiently "Jaeger 2" t/peers/jaeger/build.sh || [ $? = 77 ]
    patiently "the Collector of a fleet" t/peers/fleet/build.sh || [ $? = 77 ]
    patiently "ClickHouse's engine" t/peers/clickhouse/build.sh || [ $? = 77 ]
    patiently "VictoriaLogs" t/peers/victorialogs/build.sh || [ $? = 77 ]
    patiently "Kafka" t/peers/kafka/build.sh || [ $? = 77 ]
}


# patiently WHAT COMMAND..: runs it without its stdout, and with a line every
# 20 s that says what is waited for.
patiently() {
    local what=$1 ticker rc=0
    shift
    (   seconds=0
        while sleep 1 && kill -0 $$ 2> /dev/null; do
            seconds=$((seconds + 1))
            [ $((seconds % 20)) -ne 0 ] || say "still at $what, $seconds s"
        done
    ) &
    ticker=$!
    "$@" > /dev/null || rc=$?
    kill $ticker
    wait $ticker || true
    return $rc
}


# The files of t/slow, those alone that "test-all" runs and "test" does not.
slow_tests() { sed -n 's,^\(t/[^ ]*\.t\).*,\1,p' t/slow; }

# The quick ones: all others, and the unit tests.
quick_tests() {
    printf '%s\n' t/*.t | grep -vxFf <(slow_tests)
    printf '%s\n' build/lib/unit/*/*_test
}


# The locale is the machine's worst case for nobody: C.
run_prove() {
    LC_ALL=C.UTF-8 prove -j "${OPENQOE_PROVE_JOBS:-2}" -It/lib "$@"
}


# test_ready quick|all: what tests of the module as it is delivered need.
test_ready() {
    cmd_build
    [ "$1" = quick ] || build_failpoints
    test_env "$1"
    from_module build "the unit tests and tools" all units tools
    export TEST_NGINX_OPENQOE_MODULE=$BUILD/$MODULE
    export OPENQOE_TOOLS=$BUILD/lib/tools
    export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-$(command -v nginx)}
}


cmd_test() {
    local what=quick files
    if [ $# -gt 0 ]; then
        ! slow_tests | grep -qxFf <(printf '%s\n' "$@") || what=all
        test_ready $what
        run_prove "$@"
    else
        test_ready quick
        mapfile -t files < <(quick_tests)
        # they wait more than they compute
        OPENQOE_PROVE_JOBS=${OPENQOE_PROVE_JOBS:-$((JOBS * 2))} \
            run_prove "${files[@]}"
    fi
}


# Every test; with --rest those alone that "test" does not run.
cmd_test_all() {
    local files
    case ${1:-} in
        ''|--rest) ;;
        *) die "test-all: no such option: $1" ;;
    esac
    test_ready all
    mapfile -t files < <(slow_tests
                         [ "${1:-}" = --rest ] || quick_tests)
    # they wait, too, but some measure or load the machine
    OPENQOE_PROVE_JOBS=${OPENQOE_PROVE_JOBS:-$((JOBS + 1))} \
        run_prove "${files[@]}"
}


# A fleet on this machine: t/tools/fleet.pl.
cmd_fleet() {
    # shellcheck disable=SC2086
    need_build $PKG_TEST python3-venv
    own_build
    mkdir -p "$BUILD"
    build_module "$BUILD" "$BUILD/$MODULE"
    export OPENQOE_CACHE=$CACHE OPENQOE_BUILD=$BUILD
    export TEST_NGINX_OPENQOE_MODULE=$BUILD/$MODULE
    export TEST_NGINX_BINARY=${TEST_NGINX_BINARY:-$(command -v nginx)}
    patiently "the Collector of a fleet" t/peers/fleet/build.sh \
        || die "the Collector cannot be had on this machine"
    patiently "ClickHouse's engine" t/peers/clickhouse/build.sh || [ $? = 77 ]
    exec perl t/tools/fleet.pl
}


# In one line, for those who install them by other means.
cmd_packages() {
    # shellcheck disable=SC2086
    echo $PKG_BUILD $PKG_TEST
}


# The quick tests in another Debian; 77: impossible on this machine.
cmd_test_on() {
    # shellcheck disable=SC2086
    (need $PKG_CHROOT) || exit 77
    OPENQOE_CACHE=$CACHE exec t/tools/test_on.sh "$@"
}


# The fault tests in their long form, and t/soak.t for so many minutes.
cmd_soak() {
    local minutes=${1:-20}
    [[ $minutes =~ ^[0-9]+$ && $minutes -gt 0 ]] || die "soak: minutes"
    test_ready all
    export OPENQOE_LONG=1 OPENQOE_SOAK_MINUTES=$minutes
    OPENQOE_PROVE_JOBS=1 run_prove t/soak.t t/spool_*.t
}


SANITIZE="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined"
SANITIZE+=" -fno-sanitize-recover=undefined"

# Unit tests that take long under sanitizers, and are not in the quick form.
SLOW_UNITS="spool/spool_crash helper/helper_spool event/fast_random
    portable/fast_random view/view_property shm/zone series/self govern/sketch
    net/gzip"

# sanitize_units TEST..: the unit tests free all they take, so leaks count.
sanitize_units() {
    UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 OPENQOE_SANITIZE=1 \
        ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99 \
        run_prove "$@"
}

# `sanitize units`: what CI runs, in a minute or two.
sanitize_quick() {
    local test tests=()
    need_build perl
    compile "the unit tests" -f src/lib.mk -j "$JOBS" \
        BUILD=build/sanitize/lib CFLAGS="$SANITIZE" all units
    for test in build/sanitize/lib/unit/*/*_test; do
        case " ${SLOW_UNITS//$'\n'/ } " in
            *" $(basename "$(dirname "$test")")/$(basename "$test" _test) "*) ;;
            *) tests+=("$test") ;;
        esac
    done
    sanitize_units "${tests[@]}"
}


cmd_sanitize() {
    local dir=$BUILD/sanitize preload
    if [ "$*" = units ]; then
        sanitize_quick
        return
    fi
    need_build
    test_env all
    mkdir -p "$dir"
    # conf_flags hold Debian's own options; these take their place
    build_module "$dir" "$dir/$MODULE" "$SANITIZE -fPIC" "$SANITIZE"
    from_module build/sanitize "the unit tests and tools" CFLAGS="$SANITIZE" \
        all units tools
    preload=$(gcc -print-file-name=libasan.so):$(gcc \
        -print-file-name=libubsan.so)
    mkdir -p "$dir/bin"
    cat > "$dir/bin/nginx" <<EOF
#!/bin/sh
LD_PRELOAD=$preload exec $(command -v nginx) "\$@"
EOF
    chmod 755 "$dir/bin/nginx"
    # nginx itself leaves its configuration to the end of the process
    export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:disable_coredump=1
    export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
    export TEST_NGINX_OPENQOE_MODULE=$dir/$MODULE
    export OPENQOE_TOOLS=$dir/lib/tools
    export TEST_NGINX_BINARY=$dir/bin/nginx
    export OPENQOE_SLOW=${OPENQOE_SLOW:-4} OPENQOE_SANITIZE=1
    if [ $# -gt 0 ]; then
        run_prove "$@"
        return
    fi
    run_prove t/*.t
    sanitize_units build/sanitize/lib/unit/*/*_test
}


cmd_fuzz() {
    local seconds=${1:-60} f name seeds
    # shellcheck disable=SC2086
    need_build $PKG_FUZZ
    # sanitizers of the version that Debian's clang is: 14 in 12, 19 in 13
    need "libclang-rt-$(clang -dumpversion | cut -d. -f1)-dev"
    make -s -f src/lib.mk -j "$JOBS" BUILD=build/fuzz CC=clang \
        CFLAGS="-O1 -g -fsanitize=address,undefined -fsanitize=fuzzer-no-link" \
        all fuzzers
    seeds=$BUILD/fuzz/seeds
    perl -It/lib t/tools/corpus_seed.pl "$seeds"
    for f in "$BUILD"/fuzz/fuzz/*_fuzz; do
        name=$(basename "$f")
        say "$name for $seconds s"
        mkdir -p "$BUILD/fuzz/corpus/$name"
        "$f" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
            -max_len=8192 -print_final_stats=1 \
            -artifact_prefix="$BUILD/fuzz/$name-" \
            "$BUILD/fuzz/corpus/$name" "$seeds" 2> "$BUILD/fuzz/$name.log" \
            || { tail -n 60 "$BUILD/fuzz/$name.log" >&2
                 die "$name found something: $BUILD/fuzz/$name.log"; }
        grep -E 'stat::(number_of_executed|new_units)' "$BUILD/fuzz/$name.log"
    done
    say "http_fuzz, http2_fuzz and answers_random, $seconds s each"
    OPENQOE_FUZZ_SECONDS=$seconds cmd_sanitize t/http_fuzz.t t/http2_fuzz.t \
        t/answers_random.t
}


# Do the unit tests notice a fault?  See t/tools/mutate.pl.
cmd_mutate() {
    need_build perl
    JOBS=$JOBS perl t/tools/mutate.pl "$@"
}


# The yardstick: a module of a few lines in a build tree of its own.
bench_baseline() {
    local dir=$BUILD/baseline so=ngx_http_bench_baseline_module.so configure
    nginx_tree "$dir/nginx"
    FLAGS[-1]=--add-dynamic-module=$TOP/bench/baseline
    configure=./configure
    [ -f "$dir/nginx/configure" ] || configure=auto/configure
    if [ ! -f "$dir/nginx/objs/Makefile" ]; then
        (cd "$dir/nginx" && bash $configure "${FLAGS[@]}") \
            > "$dir/configure.log" 2>&1 || die "see $dir/configure.log"
    fi
    make -s -C "$dir/nginx" -f objs/Makefile -j "$JOBS" modules
    cp "$dir/nginx/objs/$so" "$dir/$so"
}


cmd_bench() {
    # shellcheck disable=SC2086
    need_build $PKG_BENCH
    cmd_build
    bench_baseline
    from_module build "the benchmarks" all benches tools
    OPENQOE_BUILD=$BUILD \
        TEST_NGINX_OPENQOE_MODULE=$BUILD/$MODULE \
        perl -It/lib bench/run.pl "$@"
}


cmd_lint() {
    # shellcheck disable=SC2086
    need_build $PKG_LINT
    make -s -f src/lib.mk gen
    perl t/tools/lint.pl
    say "clang"
    # as nginx itself asks of clang
    make -s -f src/lib.mk -j "$JOBS" BUILD=build/clang CC=clang \
        CFLAGS="-O2 -g -Wconditional-uninitialized" all
    say "cppcheck"
    rooms=$(make -s -f src/lib.mk rooms | sed 's,[a-z]*,src/&,g')
    # shellcheck disable=SC2086
    cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr \
        --enable=warning,performance,portability \
        --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches \
        --suppress=preprocessorErrorDirective:'build/gen/*' --force \
        -DOPENQOE_VERSION='""' ${rooms//src/-Isrc} -Ibuild/gen $rooms tools
    say "shellcheck"
    shellcheck build.sh .ci/run ui/*.sh t/tools/*.sh t/peers/*.sh \
        t/peers/*/*.sh t/packages/*.sh debian/tests/event deploy/grafana/build.sh \
        examples/clip/make.sh
    say "lint is clean"
}


# Packages for Fedora, or a trial build of them with Debian's nginx.
cmd_rpm() {
    # shellcheck disable=SC2086
    need_build $PKG_RPM
    t/packages/rpm.sh "$@"
}


# The Debian packages, for this machine's suite or the one that is named.
cmd_deb() {
    # shellcheck disable=SC2086
    need_build $PKG_DEB
    # shellcheck disable=SC2086
    (need $PKG_CHROOT) || say "no debootstrap: no clean system to install into"
    OPENQOE_CACHE=$CACHE t/packages/deb.sh "$@"
}


cmd_clean() { rm -rf "$BUILD"; }


cmd_help() {
    cat <<EOF
usage: ./build.sh COMMAND

  run             build, start nginx on port 8788 (PORT=N: another) in the
                  foreground
  test [FILE..]   build, run the quick tests (or those files): the inner loop,
                  at most 3 minutes on two cores
  test-all        build, run every test; --rest: those that "test" does not
  test-on SUITE [short | FILE.. | -- COMMAND..]
                  build, load and run the quick tests (or a few, or those) in a
                  chroot of bookworm, trixie or sid; or another command there
  fleet           three edges, viewers who move between them, a Collector and
                  ClickHouse's engine: the truth, the sum of the edges and what
                  the centre says (EDGES, MINUTES, SESSIONS, ENGINE)
  build           leave build/$MODULE and
                  build/openqoe-spool; NGINX_SRC=dir builds against that nginx
                  source tree instead of Debian's nginx
  soak [MINUTES]  load with kills, outages, reloads and jumps of the clock, that
                  long (20), and the long forms of the fault tests
  sanitize [FILE..]
                  the tests (or those) under AddressSanitizer and UBSan;
                  "sanitize units": most unit tests alone, in a minute or two
  fuzz [SECONDS]  libFuzzer on decoders and answers, HTTP at random, that long each (60)
  mutate [N] [SEED] [FILE..]
                  makes N faults (200) in src, runs the unit tests on each of
                  them and prints those that no test notices; JOBS at once
  bench [OPTIONS] measure, write bench/RESULTS.md and plots; --help
  packages        print the Debian packages that "build" and "test" install
  deb [SUITE]     Debian packages in build/deb, for this machine's suite or that
                  one; installed, used and purged in a clean chroot
  rpm             the packages of rpm/nginx-mod-openqoe.spec in build/rpm
  lint            style, rooms, clang, cppcheck, shellcheck
  clean           remove build/
EOF
}


set -- "${1:-help}" "${@:2}"
case $1 in
    build|run|fleet|test|test-all|test-on|soak|sanitize|fuzz|mutate|bench|packages|deb|rpm|lint|clean|help)
        cmd=cmd_${1//-/_}; shift || true; $cmd "$@" ;;
    -h|--help) cmd_help ;;
    *) cmd_help >&2; die "no such command: $1" ;;
esac
