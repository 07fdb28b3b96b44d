# shellcheck shell=bash
#: bench    measure against the budgets, each figure beside its baseline; tables, and JSON under target/bench/

cmd_bench() {
    ensure_rust
    local script
    compgen -G 'benches/*/run' >/dev/null || fail "there are no benches yet" "add benches/<name>/run"
    mkdir -p "$CARGO_TARGET_DIR/bench"
    for script in benches/*/run; do
        say "$script"
        "$script" "$@" || fail "$script" "see above"
    done
}
