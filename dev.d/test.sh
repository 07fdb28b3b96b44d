# shellcheck shell=bash
#: test     everything that must hold: lint, unit, kernel, container and browser tests, the demo in short form

# shellcheck source=dev.d/lint.sh
source dev.d/lint.sh
# shellcheck source=dev.d/demo.sh
source dev.d/demo.sh
# shellcheck source=dev.d/kernels.sh
source dev.d/kernels.sh

TESTS_PASSED=0 TESTS_FAILED=0 TESTS_SKIPPED=0 TESTS_BROKEN=()

# count_tests LOG: adds up cargo's own result lines; a test that printed SKIPPED did not pass, whatever cargo says.
count_tests() {
    local passed failed ignored skipped
    read -r passed failed ignored < <(awk '/^test result:/ { p += $4; f += $6; i += $8 } END { print p + 0, f + 0, i + 0 }' "$1")
    skipped=$(grep -c '^SKIPPED' "$1" || true)
    TESTS_PASSED=$((TESTS_PASSED + passed - skipped))
    TESTS_FAILED=$((TESTS_FAILED + failed))
    TESTS_SKIPPED=$((TESTS_SKIPPED + ignored + skipped))
    { grep '^SKIPPED' "$1" || true; grep -E '^test .* \.\.\. ignored' "$1" || true; } | sort -u | sed 's/^/    /'
}

# tested NAME COMMAND...: a step whose log holds test results.
tested() {
    local name=$1
    step "$@" || TESTS_BROKEN+=("$name")
    count_tests "$STEP_LOG"
}

# checked NAME COMMAND...: a step that is one test by itself.
checked() {
    local name=$1
    if step "$@"; then
        TESTS_PASSED=$((TESTS_PASSED + 1))
    else
        TESTS_FAILED=$((TESTS_FAILED + 1))
        TESTS_BROKEN+=("$name")
    fi
}

# The integration tests whose file is named privileged_* need root, a kernel and a room of their own.
test_targets() {
    cargo metadata --locked --no-deps --format-version 1 |
        jq -r '.packages[].targets[] | select(.kind[] == "test") | .name' | sort -u
}

unprivileged_tests() {
    local names=() name
    while read -r name; do names+=(--test "$name"); done < <(test_targets | grep -v '^privileged_')
    cargo test --locked --workspace --no-fail-fast --lib --bins "${names[@]}" -- --show-output
}

documentation_tests() { cargo test --locked --workspace --no-fail-fast --doc -- --show-output; }

privileged_tests() {
    in_room cargo test --locked --workspace --no-fail-fast --test 'privileged_*' -- --test-threads=1 --show-output
}

# Benches for what comes out and not how fast. Learning and the topologies run as tests of their own
# (`the_bound_is_calibrated_in_every_class_of_both_mixes`, `privileged_topologies`), the console's under the browser tests.
bench_check() { "benches/$1/run" --check; }
bench_check_in_room() { in_room "benches/$1/run" --check; }

console_tests() { npm --prefix ui run test; }
# shellcheck disable=SC2016
console_has() { [ -f ui/package.json ] && jq -e --arg name "$1" '.scripts[$name]' ui/package.json >/dev/null; }

cmd_test() {
    local began=$SECONDS series broken bench
    ensure_rust
    ensure_packages "testing" git=git jq=jq shellcheck=shellcheck
    ensure_cargo_deny
    build_console

    say "Lint"
    run_lint || TESTS_BROKEN+=("lint")

    say "Tests without privileges"
    step "Building the tests" cargo test --locked --workspace --no-run || fail "the tests do not build" "see the log above"
    tested "Unit and property tests" unprivileged_tests
    tested "Documentation tests" documentation_tests
    for bench in policy records; do checked "Bench in short form: $bench" bench_check "$bench"; done
    if console_has test; then checked "Console: unit tests" console_tests; fi

    say "Tests with privileges (kernel, namespaces, containers)"
    if [ "$(id -u)" = 0 ]; then
        ensure_docker
        ensure_packages "container tests" busybox-static curl=curl
        step "Building the binary" cargo build --locked -p bulkhead || fail "the binary does not build" "see the log above"
        room_open
        if test_targets | grep -q '^privileged_'; then tested "Kernel, namespaces, containers" privileged_tests; fi
        checked "Bench in short form: datapath" bench_check_in_room datapath
        room_close
        checked "Bench in short form: node" bench_check node
        if kernels_possible; then
            # shellcheck disable=SC2086
            kernels_ready $KERNELS || fail "no kernels to test with" "see the log above"
            for series in $KERNELS; do tested "Linux $series, emulated" kernel_step "$series"; done
        else
            skip_or_fail "other kernels: emulated on amd64 only"
        fi
        checked "The demo, in short form, and the console on it" demo_short
    else
        skip_or_fail "kernel, namespace, container and browser tests and the demo: not root"
    fi

    say "Whole gate: $(elapsed $((SECONDS - began)))"
    for broken in "${TESTS_BROKEN[@]}"; do say "FAILED: $broken"; done
    say "$TESTS_PASSED passed, $TESTS_FAILED failed, $TESTS_SKIPPED skipped"
    [ ${#TESTS_BROKEN[@]} = 0 ]
}

# skip_or_fail WHAT
skip_or_fail() {
    [ "${BULKHEAD_TESTS:-}" != require ] || fail "$1" "BULKHEAD_TESTS=require forbids skipping"
    say "    SKIPPED: $1"
    TESTS_SKIPPED=$((TESTS_SKIPPED + 1))
}
