#!/bin/sh
# deps/setup.sh -- make this machine able to build, test or lint Sluice.
#
#   sh deps/setup.sh [run] [test] [lint] [fuzz] [clients] [bench]
#
# With no argument: the compiler, cmake, make and the libraries.
#
# The compiler is asked first, not the package manager. What is missing comes
# from the system's own packages where they are new enough (that needs root or
# sudo, and is announced); a library the system has too old or not at all is
# taken from the next Debian release and unpacked into deps/.prefix, which
# needs no rights and changes nothing outside this folder. Programs whose
# package would start a service (nginx) are unpacked into deps/.tools for the
# same reason. To take updates of either, delete the folder and run again.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
prefix=$here/.prefix
tools=$here/.tools
state=$here/.apt
PATH=$PATH:/usr/sbin:/sbin
export LC_ALL=C

say() { printf 'setup: %s\n' "$*"; }
die() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

want=" $* "
wants() { case $want in *" $1 "*) return 0 ;; esac; return 1; }
for word in "$@"; do
    case $word in
    run | test | lint | fuzz | clients | bench) ;;
    *) die "unknown argument '$word' (run, test, lint, fuzz, clients, bench)" ;;
    esac
done

# --- What we need -----------------------------------------------------------

# Libraries: name, package, lowest version that will do.
libraries='uv libuv1-dev 1.44
llhttp libllhttp-dev 9.2.1
mbedtls libmbedtls-dev 3.6.3
hiredis libhiredis-dev 1.1
sqlite libsqlite3-dev 3.40
yyjson libyyjson-dev 0.10
yaml libyaml-dev 0.2
uthash uthash-dev 2.1
utf8proc libutf8proc-dev 2.8'
wants test && libraries="$libraries
cmocka libcmocka-dev 1.1"

# What the compiler must accept for each: the header, new enough.
probe() {
    case $1 in
    uv) printf '#include <uv.h>\n#if UV_VERSION_HEX < 0x012c00\n#error old\n#endif\n' ;;
    llhttp)
        printf '#include <llhttp.h>\n#if LLHTTP_VERSION_MAJOR * 10000 + LLHTTP_VERSION_MINOR'
        printf ' * 100 + LLHTTP_VERSION_PATCH < 90201\n#error old\n#endif\n'
        ;;
    mbedtls)
        printf '#include <mbedtls/version.h>\n#include <mbedtls/ssl.h>\n'
        printf '#if MBEDTLS_VERSION_NUMBER < 0x03060300\n#error old\n#endif\n'
        ;;
    hiredis)
        printf '#include <hiredis/async.h>\n'
        printf '#if HIREDIS_MAJOR * 100 + HIREDIS_MINOR < 101\n#error old\n#endif\n'
        ;;
    sqlite) printf '#include <sqlite3.h>\n#if SQLITE_VERSION_NUMBER < 3040000\n#error old\n#endif\n' ;;
    yyjson) printf '#include <yyjson.h>\n#if YYJSON_VERSION_HEX < 0x000A00\n#error old\n#endif\n' ;;
    yaml) printf '#include <yaml.h>\n' ;;
    uthash) printf '#include <uthash.h>\n' ;;
    utf8proc) printf '#include <utf8proc.h>\n#if UTF8PROC_VERSION_MAJOR < 2\n#error old\n#endif\n' ;;
    cmocka)
        printf '#include <stdarg.h>\n#include <stddef.h>\n#include <stdint.h>\n'
        printf '#include <setjmp.h>\n#include <cmocka.h>\n'
        ;;
    esac
}

compiles() { # reads a program
    if [ -d "$prefix/usr/include" ]; then
        cc -fsyntax-only -I "$prefix/usr/include" -x c - >/dev/null 2>&1
    else
        cc -fsyntax-only -x c - >/dev/null 2>&1
    fi
}

library_names() { printf '%s\n' "$libraries" | cut -d' ' -f1; }

# Sets missing_libraries. One compiler run when all is well.
look_for_libraries() {
    missing_libraries=
    have cc || {
        missing_libraries=$(library_names)
        return
    }
    for name in $(library_names); do probe "$name"; done | compiles && return
    for name in $(library_names); do
        probe "$name" | compiles || missing_libraries="$missing_libraries $name"
    done
}

libc_ok() { printf '#include <stdio.h>\n' | compiles; }
fuzzer_ok() {
    have clang || return 1
    [ -n "$(find "$(clang -print-resource-dir)/lib" -name 'libclang_rt.fuzzer*' 2>/dev/null)" ]
}
yaml_ok() { python3 -c 'import yaml' 2>/dev/null || /usr/bin/python3 -c 'import yaml' 2>/dev/null; }
tool() { [ -x "$tools/bin/$1" ] || have "$1"; }

# Sets missing_packages (system packages for programs) and missing_tools.
look_for_programs() {
    missing_packages=
    missing_tools=
    add() { missing_packages="$missing_packages $1"; }
    have cc || add gcc
    { have cc && libc_ok; } || add libc6-dev
    have cmake || add cmake
    have make || add make
    [ -s /etc/ssl/certs/ca-certificates.crt ] || add ca-certificates
    if wants run || wants test; then have curl || add curl; fi
    if wants test; then
        have python3 || add python3
        have openssl || add openssl
        [ -e /usr/share/zoneinfo/Europe/Berlin ] || add tzdata
        have redis-check-rdb || tool redis-server || add redis-tools
        tool redis-server || missing_tools="$missing_tools redis-server"
    fi
    if wants test || wants bench; then tool nginx || missing_tools="$missing_tools nginx"; fi
    if wants lint; then
        have clang-format || add clang-format
        have shellcheck || add shellcheck
        yaml_ok || add python3-yaml
        tool promtool || missing_tools="$missing_tools promtool"
    fi
    if wants lint || wants fuzz; then have clang || add clang; fi
    if wants fuzz; then fuzzer_ok || add libclang-rt-dev; fi
    if wants clients; then
        have node || add nodejs
        have npm || add npm
        have python3 || add python3
        for module in httpx tenacity redis; do
            /usr/bin/python3 -c "import $module" 2>/dev/null || add "python3-$module"
        done
        have chromium || have chromium-browser || have google-chrome || add chromium
    fi
    if wants bench; then
        have strace || add strace
        have python3 || add python3
    fi
}

look() {
    look_for_libraries
    look_for_programs
}

all_there() { [ -z "$missing_libraries$missing_packages$missing_tools" ]; }

look
all_there && exit 0
rm -rf "$state"

# --- From the system --------------------------------------------------------

have apt-get || die "this machine has no apt; please install by hand:$missing_packages" \
    "$missing_tools and the libraries$missing_libraries"

become=none
if [ "$(id -u)" = 0 ]; then
    become=
elif have sudo && sudo -n true 2>/dev/null; then
    become='sudo -n'
elif have sudo && [ -t 0 ]; then
    become=sudo
fi

apt= # options of our own package manager state, once there is one
package_of() { printf '%s\n' "$libraries" | awk -v n="$1" '$1 == n { print $2 }'; }
floor_of() { printf '%s\n' "$libraries" | awk -v n="$1" '$1 == n { print $3 }'; }
candidate_of() {
    # shellcheck disable=SC2086
    apt-cache $apt policy "$1" 2>/dev/null | sed -n 's/^  Candidate: \([^(]\)/\1/p'
}
runtime_of() { # the libraries a package needs, one level deep; libc is the system's own
    # shellcheck disable=SC2086
    apt-cache $apt depends -i "$@" 2>/dev/null |
        awk '$1 == "Depends:" && $2 ~ /^(lib|zlib)/ && $2 !~ /^libc6(-|$)/ { print $2 }' | sort -u
}

good_candidate() { # name of a library
    version=$(candidate_of "$(package_of "$1")")
    [ -n "$version" ] &&
        dpkg --compare-versions "$version" ge "$(floor_of "$1")~" # 9.2.1~x is a 9.2.1
}

with=${become:+ with ${become%% *}} # said before it is used
as_root() {
    # shellcheck disable=SC2086
    $become env DEBIAN_FRONTEND=noninteractive "$@"
}

from_system() {
    # shellcheck disable=SC2086
    for name in libuv1-dev $missing_packages ${missing_tools:+nginx}; do
        [ -z "$(candidate_of "$name")" ] || continue
        say "apt does not know $name yet: apt-get update$with"
        as_root apt-get -qq update || :
        break
    done
    install=$missing_packages
    for name in $missing_libraries; do
        good_candidate "$name" && install="$install $(package_of "$name")"
    done
    case $missing_tools in
    *nginx*)
        for name in $(runtime_of nginx); do
            dpkg-query -s "$name" >/dev/null 2>&1 || install="$install $name"
        done
        ;;
    esac
    [ -n "$install" ] || return 0
    # shellcheck disable=SC2086
    set -- $install
    say "installing system packages$with: $*"
    log=$here/.apt.log
    as_root apt-get -qq -y --no-install-recommends install "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        die 'apt-get install failed, its reasons stand above'
    }
    rm -f "$log"
    look
}

if [ "$become" != none ]; then
    from_system
elif [ -n "$missing_packages" ]; then
    die "not root and no sudo; please have these packages installed:$missing_packages"
fi
all_there && exit 0
[ -z "$missing_packages" ] || die "still missing after the installation:$missing_packages"

# --- The rest privately -----------------------------------------------------

# A package manager state of our own: the machine's repositories, each also
# under the next release's name, with only what the current one lacks taken
# from there. (libuv of the next release would need a newer libc than ours.)
private_state() {
    [ -z "$apt" ] || return 0
    # shellcheck disable=SC1091
    . /etc/os-release
    case ${VERSION_CODENAME:-} in
    bookworm) next=trixie ;;
    trixie) next=trixie ;;
    *) die "Debian 12 and 13 are known to this script; on '${PRETTY_NAME:-?}' please install" \
        "these yourself:$missing_libraries$missing_tools" ;;
    esac
    rm -rf "$state"
    mkdir -p "$state/lists/partial" "$state/debs/partial"
    : >"$state/status"
    ring=/usr/share/keyrings/debian-archive-keyring.gpg
    option=
    [ ! -e $ring ] || option="[signed-by=$ring] "
    # shellcheck disable=SC2016
    apt-get indextargets --no-release-info \
        --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(CREATED_BY)' |
        awk -v now="$VERSION_CODENAME" -v next_="$next" -v option="$option" '
            $3 == "main" && $4 == "Packages" && $1 !~ /^cdrom:/ {
                if ($2 != now && $2 != now "-security") next
                for (k = 0; k < 2; k++) {
                    suite = $2
                    if (k) sub(now, next_, suite)
                    line = "deb " option $1 " " suite " main"
                    if (!seen[line]++) print line
                }
            }' >"$state/sources.list"
    cat >"$state/preferences" <<PIN
Package: *
Pin: release n=$VERSION_CODENAME*
Pin-Priority: 990

Package: libllhttp* libmbedtls* libmbedx509* libmbedcrypto* libhiredis* libyyjson*
Pin: release n=$next*
Pin-Priority: 995
PIN
    apt="-o Dir::Etc::sourcelist=$state/sources.list -o Dir::Etc::sourceparts=/dev/null
        -o Dir::Etc::preferences=$state/preferences -o Dir::Etc::preferencesparts=/dev/null
        -o Dir::State::Lists=$state/lists -o Dir::State::status=$state/status
        -o Dir::Cache=$state -o Dir::Cache::archives=$state/debs
        -o Acquire::Languages=none -o APT::Sandbox::User=root"
    # Somebody's broken source must not stop us; unsigned ones are ignored.
    # shellcheck disable=SC2086
    apt-get $apt -qq update >"$state/log" 2>&1 || :
}

fetch() { # packages into $state/debs; fails when one is not found or not signed
    # shellcheck disable=SC2086
    (cd "$state/debs" && apt-get $apt -qq download "$@" >>"$state/log" 2>&1) || {
        cat "$state/log" >&2
        die "could not fetch: $*"
    }
}

libraries_privately() {
    private_state
    packages=
    for name in $missing_libraries; do packages="$packages $(package_of "$name")"; done
    # shellcheck disable=SC2086,SC2046
    set -- $packages $(runtime_of $packages)
    say "unpacking into deps/.prefix (nothing else is touched): $*"
    fetch "$@"
    rm -rf "$prefix.new"
    mkdir -p "$prefix.new"
    [ ! -d "$prefix" ] || cp -a "$prefix/." "$prefix.new/"
    for deb in "$state"/debs/*.deb; do
        dpkg-deb -x "$deb" "$prefix.new"
        basename "$deb" >>"$prefix.new/packages"
    done
    rm -rf "$prefix" "$state"/debs/*.deb
    mv "$prefix.new" "$prefix"
}

tool_privately() { # name, packages it may be in, last one as a rule
    tool=$1
    shift
    [ -n "$(candidate_of nginx)" ] || private_state
    mkdir -p "$state/debs"
    for package in "$@"; do
        [ -z "$(candidate_of "$package")" ] || break
    done
    set -- "$tool" "$package"
    say "unpacking into deps/.tools (no service is installed): $1 from package $2"
    fetch "$2"
    mkdir -p "$tools/bin" "$state/x"
    dpkg-deb -x "$state"/debs/"$2"_*.deb "$state/x"
    found=$(find "$state/x/usr/bin" "$state/x/usr/sbin" -name "$1" -type f 2>/dev/null | head -n 1)
    [ -n "$found" ] || die "package $2 holds no program $1"
    mv "$found" "$tools/bin/$1"
    rm -rf "$state/x" "$state"/debs/*.deb
}

# The server is redis-check-rdb under another name: its own package adds a service.
link_redis() {
    say 'linking deps/.tools/bin/redis-server (no service is installed)'
    mkdir -p "$tools/bin"
    ln -sf "$(command -v redis-check-rdb)" "$tools/bin/redis-server"
}

[ -z "$missing_libraries" ] || libraries_privately
for name in $missing_tools; do
    case $name in
    promtool) tool_privately promtool promtool prometheus ;;
    redis-server) link_redis ;;
    *) tool_privately "$name" "$name" ;;
    esac
done
case $missing_tools in
*nginx*)
    "$tools/bin/nginx" -v >/dev/null 2>&1 ||
        die "nginx does not start; please have these packages installed: $(runtime_of nginx | tr '\n' ' ')"
    ;;
esac
rm -rf "$state"

look
all_there || die "still missing:$missing_libraries$missing_packages$missing_tools"
say 'all there'
