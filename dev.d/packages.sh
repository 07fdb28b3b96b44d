# shellcheck shell=bash
# Installs what is missing from the distribution (Debian and Ubuntu), without a question and without
# starting any of the servers that come along.

APT_UPDATED=''

# package_missing [COMMAND=]PACKAGE: a command that is there from elsewhere serves as well.
package_missing() {
    case $1 in
    *=*) ! have_command "${1%%=*}" ;;
    *) [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" != installed ] ;;
    esac
}

apt_quietly() {
    local try
    for try in 1 2 3; do
        DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 apt-get -q -y -o Dpkg::Use-Pty=0 \
            -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" && return
        echo "apt-get failed (try $try of 3)"
        sleep $((try * 5))
    done
    return 1
}

# Servers that a package brings must not be started on somebody's machine because we wanted its binary.
hold_services() {
    [ ! -e /usr/sbin/policy-rc.d ] || return 0
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 755 /usr/sbin/policy-rc.d
    at_end rm -f /usr/sbin/policy-rc.d
}

# ensure_packages WHY [COMMAND=]PACKAGE...
ensure_packages() {
    local why=$1 missing=() package
    shift
    command -v dpkg-query >/dev/null ||
        fail "this is not Debian or Ubuntu, so packages cannot be installed for you" "install for $why: $*"
    for package in "$@"; do
        package_missing "$package" && missing+=("${package#*=}")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || fail "$why needs packages that are not installed" "sudo apt-get install ${missing[*]}"
    hold_services
    if [ -z "$APT_UPDATED" ]; then
        step "Package lists" apt_quietly update || fail "apt-get update does not work" "check this machine's apt sources"
        APT_UPDATED=yes
    fi
    say "  Installing for $why: ${missing[*]}"
    step "Installing packages" apt_quietly install --no-install-recommends "${missing[@]}" ||
        fail "could not install: ${missing[*]}" "read the lines above; apt-get install them by hand"
}

# The Rust toolchain and Node.js are the two things we do not install: people have their own way with them.
ensure_rust() {
    local needs have
    have_command cargo || fail "cargo is not installed" "install Rust with rustup or from your distribution"
    needs=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    have=$(rustc --version | cut -d' ' -f2)
    printf '%s\n%s\n' "$needs" "$have" | sort -V -C || fail "rustc $have is older than $needs" "rustup update stable"
    ensure_packages "building" clang=clang llvm-strip=llvm libbpf-dev linux-libc-dev libc6-dev gcc=gcc make=make
}

ensure_node() {
    have_command npm || ensure_packages "the web console" nodejs npm
    local major
    major=$(node --version | sed 's/v\([0-9]*\).*/\1/')
    [ "$major" -ge 20 ] || fail "node $(node --version) is too old for the web console" "install Node.js 20 or newer"
}

ensure_room() {
    ensure_packages "sealed rooms (own network, own mounts)" ip=iproute2 iptables=iptables nft=nftables \
        unshare=util-linux sysctl=procps setpriv=util-linux
}

ensure_docker() {
    ensure_room
    ensure_packages "containers" dockerd=docker.io containerd=containerd runc=runc docker-init=tini
    # Newer distributions package the client by itself.
    have_command docker || ensure_packages "containers" docker=docker-cli
}

# ensure_cargo_deny: built from its source, unoptimised, into the cache: about a minute on two cores.
CARGO_DENY_VERSION=0.20.2
ensure_cargo_deny() {
    local tools=$BULKHEAD_CACHE/tools
    PATH=$PATH:$tools/bin
    [ "$(cargo deny --version 2>/dev/null)" = "cargo-deny $CARGO_DENY_VERSION" ] && return
    step "Building cargo-deny $CARGO_DENY_VERSION" env CARGO_TARGET_DIR="$tools/build" CARGO_PROFILE_DEV_DEBUG=0 \
        cargo install cargo-deny --locked --debug --force --version "$CARGO_DENY_VERSION" --root "$tools" ||
        fail "cargo-deny could not be built" "cargo install cargo-deny --locked"
    rm -rf "${tools:?}/build"
}
