# shellcheck shell=bash
#: kernels  load and exercise the datapath under older kernels in an emulator: ./dev kernels [5.10 6.1 6.12]

KERNELS="5.10 6.1 6.12"
KERNEL_CACHE=$BULKHEAD_CACHE/kernels
# The crates whose privileged tests have to hold on every kernel.
KERNEL_CRATES=${KERNEL_CRATES:-bulkhead-datapath}
KERNEL_LIMIT=1500 # seconds for one kernel, emulated
KERNEL_LISTS=''

# Debian's kernels are taken from its archive by an apt configuration of its own: nothing is installed.
kernel_apt() {
    local folder=$KERNEL_CACHE/apt mirror suite
    mkdir -p "$folder"/{lists/partial,cache/archives/partial,etc}
    : >"$folder/status"
    mirror=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
        grep -oE 'https?://[^ ]+/debian/?( |$)' | head -n 1 | tr -d ' ' || true)
    [ -n "$mirror" ] || {
        echo "this machine's apt sources name no Debian archive to take kernels from"
        return 1
    }
    for suite in bullseye bookworm trixie; do
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main"
    done >"$folder/etc/sources.list"
    cat >"$folder/apt.conf" <<CONF
Dir::State "$folder"; Dir::State::status "$folder/status"; Dir::State::lists "$folder/lists";
Dir::Cache "$folder/cache"; Dir::Etc::sourcelist "$folder/etc/sources.list"; Dir::Etc::sourceparts "-";
Acquire::Languages "none"; Acquire::Retries "3"; Acquire::Check-Valid-Until "false"; APT::Sandbox::User "root";
CONF
    APT_CONFIG=$folder/apt.conf apt-get -q update
}

# kernel_fetch SERIES WORK: vmlinuz and modules.cpio.gz in the cache, by way of the empty folder WORK.
kernel_fetch() {
    local series=$1 work=$2 folder=$KERNEL_CACHE/$1 package
    export APT_CONFIG=$KERNEL_CACHE/apt/apt.conf
    package=$(apt-cache search --names-only "^linux-image-${series//./\\.}\\..*-cloud-amd64\$" | cut -d' ' -f1 |
        sort -V | tail -n 1)
    [ -n "$package" ] || {
        echo "the Debian archive has no cloud kernel $series"
        return 1
    }
    mkdir -p "$work/archive" "$folder"
    (cd "$work/archive" && apt-get -q download "$package")
    dpkg-deb -x "$work"/archive/*.deb "$work/package"
    kernel_modules "$work/package" "$work/modules"
    (cd "$work/modules" && find . | cpio -o -H newc --quiet) | gzip -1 >"$folder/modules.cpio.gz"
    cp "$work"/package/boot/vmlinuz-* "$folder/vmlinuz"
}

# kernel_modules PACKAGE TARGET: only what networks are made of is copied; all of it would have to fit into the
# emulator's memory.
kernel_modules() {
    local from to release part file
    for from in "$1"/lib/modules/* "$1"/usr/lib/modules/*; do [ ! -d "$from/kernel" ] || break; done
    release=$(basename "$from")
    to=$2/lib/modules/$release
    mkdir -p "$to/kernel/drivers/net"
    for part in net lib crypto arch; do cp -r "$from/kernel/$part" "$to/kernel/"; done
    for file in dummy veth tun tap macvlan macvtap vxlan; do
        for part in "$from/kernel/drivers/net/$file".ko* "$from/kernel/drivers/net/$file/$file".ko*; do
            [ ! -e "$part" ] || cp "$part" "$to/kernel/drivers/net/"
        done
    done
    # busybox's modprobe takes them plain.
    find "$to" -name '*.ko.xz' -exec xz --decompress {} +
    cp "$from"/modules.{order,builtin} "$to/"
    depmod -b "$2" "$release"
}

# kernel_tests ROOT: the test programs under /tests, without their debug information.
kernel_tests() {
    local root=$1 selection=() crate program name
    for crate in $KERNEL_CRATES; do selection+=(-p "$crate"); done
    mkdir -p "$root/tests"
    # Every room loads the programs, which takes an emulated verifier half a minute: packets, the comparison with the
    # evaluator, and one look at real interfaces are what differs between kernels.
    cargo test --locked "${selection[@]}" --test privileged_packets --test privileged_claims \
        --test privileged_differential --test privileged_sockets --test privileged_smoke --no-run \
        --message-format=json |
        jq -r 'select(.executable != null and .profile.test) | [.target.name, .executable] | @tsv' |
        while IFS=$'\t' read -r name program; do
            objcopy --strip-debug "$program" "$root/tests/$name"
            libraries "$root" "$program"
        done
}

# kernel_root ROOT: everything of the emulated machine but its modules.
kernel_root() {
    local root=$1 applet
    mkdir -p "$root"/{bin,sbin,proc,sys,dev,tmp,run,etc,root,lib64}
    with_libraries "$root" busybox ip nft nsenter unshare
    for applet in $(busybox --list); do [ -e "$root/bin/$applet" ] || ln -s busybox "$root/bin/$applet"; done
    install -m 755 tests/kernels/init "$root/init"
    kernel_tests "$root"
    (cd "$root" && find . | cpio -o -H newc --quiet) | gzip -1 >"$KERNEL_CACHE/root.cpio.gz"
}

# kernel_step SERIES: the guest's console is the log; it has to end with the line that its init prints.
kernel_step() {
    local folder=$KERNEL_CACHE/$1
    cat "$KERNEL_CACHE/root.cpio.gz" "$folder/modules.cpio.gz" >"$folder/initramfs"
    # Emulated on purpose, also where there is KVM: inside other virtual machines that one often breaks down. Without
    # cmpxchg16b, whose emulation (qemu 7.2) now and then returns broken flags to the allocator of 6.12. On a busy
    # machine the emulated timer comes late: it is not to be tested at boot.
    timeout "$KERNEL_LIMIT" qemu-system-x86_64 -accel tcg,thread=multi -cpu max,-cx16 -smp 2 -m 2048 \
        -nographic -no-reboot -nodefaults -serial stdio -monitor none \
        -kernel "$folder/vmlinuz" -initrd "$folder/initramfs" \
        -append "console=ttyS0 quiet panic=-1 mitigations=off no_timer_check" </dev/null | tr -d '\r' | tee "$folder/console"
    grep -q '^KERNEL TESTS PASSED$' "$folder/console"
}

kernels_possible() { [ "$(dpkg --print-architecture)" = amd64 ]; }

# kernels_ready SERIES...: everything fetched and built.
kernels_ready() {
    local series work
    ensure_packages "emulated kernels" qemu-system-x86_64=qemu-system-x86 depmod=kmod cpio=cpio jq=jq \
        busybox-static xz=xz-utils objcopy=binutils debian-archive-keyring
    ensure_room
    work=$(mktemp -d "${TMPDIR:-/tmp}/bulkhead-kernels.XXXXXX")
    at_end rm -rf "$work"
    for series in "$@"; do
        [ ! -e "$KERNEL_CACHE/$series/vmlinuz" ] || continue
        [ -n "$KERNEL_LISTS" ] || step "Package lists of the kernels" kernel_apt || return 1
        KERNEL_LISTS=yes
        step "Kernel $series" kernel_fetch "$series" "$work/$series" || return 1
    done
    step "Test programs for the kernels" kernel_root "$work/root"
}

cmd_kernels() {
    local series failed=0
    kernels_possible || fail "kernels are emulated for amd64 only" "run it on an amd64 machine"
    ensure_rust
    # shellcheck disable=SC2086
    [ $# -gt 0 ] || set -- $KERNELS
    kernels_ready "$@" || fail "no kernels to test with" "see the log above"
    for series in "$@"; do step "Linux $series, emulated" kernel_step "$series" || failed=1; done
    return "$failed"
}
