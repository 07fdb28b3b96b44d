# shellcheck shell=bash
#: build    build one static release binary with the web console inside

# The console is rebuilt only when its sources changed, because the binary embeds what is in ui/dist.
build_console() {
    [ -f ui/package.json ] || return 0
    local now stamp=ui/dist/.built-from
    now=$(find ui -path ui/node_modules -prune -o -path ui/dist -prune -o -path ui/test-results -prune -o -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$now" ] && return 0
    ensure_node
    step "Console: packages" console_packages || fail "npm ci failed in ui/" "see the log above"
    step "Console: build" npm --prefix ui run build || fail "the web console does not build" "see the log above"
    printf '%s\n' "$now" >"$stamp"
}

console_packages() {
    local stamp=ui/node_modules/.installed-from
    [ "$(cat "$stamp" 2>/dev/null)" = "$(sha256sum <ui/package-lock.json)" ] && return
    npm --prefix ui ci --no-audit --no-fund
    sha256sum <ui/package-lock.json >"$stamp"
}

cmd_build() {
    ensure_rust
    build_console
    local target binary
    target=$(rustc -vV | sed -n 's/^host: //p')
    step "Static release binary" env RUSTFLAGS="-C target-feature=+crt-static" \
        cargo build --locked --release --target "$target" -p bulkhead || fail "the release does not build" "see the log above"
    binary=$CARGO_TARGET_DIR/$target/release/bulkhead
    say "$binary ($(du -h "$binary" | cut -f1), $(file -b "$binary" 2>/dev/null | grep -o 'static[a-z-]*' | head -n 1))"
}
