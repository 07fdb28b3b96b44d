# shellcheck shell=bash
#: fuzz     fuzz one target for a while: ./dev fuzz [target] [seconds]; without a target, each for a minute

cmd_fuzz() {
    ensure_rust
    compgen -G 'fuzz/fuzz_targets/*.rs' >/dev/null || fail "there are no fuzz targets yet" "add one under fuzz/fuzz_targets"
    rustup toolchain list 2>/dev/null | grep -q nightly || fail "fuzzing needs a nightly toolchain" "rustup toolchain install nightly"
    PATH=$PATH:$BULKHEAD_CACHE/tools/bin
    cargo fuzz --version >/dev/null 2>&1 || step "Building cargo-fuzz" cargo install cargo-fuzz --locked --root "$BULKHEAD_CACHE/tools" ||
        fail "cargo-fuzz could not be built" "cargo install cargo-fuzz"
    local target targets=()
    if [ $# -gt 0 ]; then targets=("$1"); else mapfile -t targets < <(cargo fuzz list --fuzz-dir fuzz); fi
    for target in "${targets[@]}"; do
        cargo +nightly fuzz run --fuzz-dir fuzz --features libfuzzer "$target" -- -max_total_time="${2:-60}" ||
            fail "fuzz target $target found something" "see fuzz/artifacts/$target"
    done
}
