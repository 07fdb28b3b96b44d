# shellcheck shell=bash
#: lint     formatting, clippy, rustdoc, dependency policy, shell scripts, web console; changes nothing

# shellcheck source=dev.d/build.sh
source dev.d/build.sh

lint_documentation() { RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps; }

lint_dependencies() {
    # The advisory database is a git repository; a machine that reaches only package registries cannot have it.
    if timeout 60 cargo deny --locked check advisories; then
        echo "advisories: checked"
    elif timeout 60 cargo deny --locked fetch db; then
        return 1
    else
        touch "$LOGS/advisories-unreachable"
    fi
    cargo deny --locked check bans licenses sources
}

lint_shell() { shell_scripts | xargs -0 shellcheck --external-sources --source-path=SCRIPTDIR --source-path=.; }

# Every file git knows that starts with a shell's name or says it is shell.
shell_scripts() {
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        if head -n 1 "$file" 2>/dev/null | grep -qaE '^#!.*\b(ba|da)?sh\b|^# shellcheck shell='; then
            printf '%s\0' "$file"
        fi
    done
}

# Every test that SPECIFICATION.md names exists where it says.
# shellcheck disable=SC2016
lint_specification() {
    local named crate test folder missing=0
    while IFS= read -r named; do
        crate=${named%%::*} test=${named##*::}
        folder=crates/$crate
        [ "$crate" != fuzz ] || folder=fuzz
        if ! grep -rqE --include='*.rs' "fn $test\(" "$folder"; then
            echo "SPECIFICATION.md names $named, which is not in $folder"
            missing=1
        fi
    done < <(grep -oE '`[a-z]+::[a-z0-9_]+`' SPECIFICATION.md | tr -d '`' | sort -u)
    return "$missing"
}

lint_console() { npm --prefix ui run lint; }

# The steps; each says itself what failed, the caller counts.
run_lint() {
    local failed=0
    step "Format (rustfmt)" cargo fmt --all --check || failed=1
    step "Clippy, warnings are errors" cargo clippy --locked --workspace --all-targets -- -D warnings || failed=1
    step "Rustdoc, warnings are errors" lint_documentation || failed=1
    rm -f "$LOGS/advisories-unreachable"
    step "Dependencies: licences, bans, sources (cargo-deny)" lint_dependencies || failed=1
    [ ! -e "$LOGS/advisories-unreachable" ] ||
        say "  NOT CHECKED: advisories; the advisory database cannot be reached from this machine"
    step "Shell scripts (shellcheck)" lint_shell || failed=1
    step "The specification names real tests" lint_specification || failed=1
    if [ -f ui/package.json ]; then
        step "Console: lint and types" lint_console || failed=1
    fi
    return "$failed"
}

cmd_lint() {
    ensure_rust
    ensure_packages "linting" shellcheck=shellcheck git=git
    ensure_cargo_deny
    build_console
    run_lint || fail "lint" "mend what is listed above; cargo fmt --all repairs formatting"
}
