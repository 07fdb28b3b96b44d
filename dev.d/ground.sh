# shellcheck shell=bash
# What every command stands on: where things are kept, how a step speaks, what happens at the end.

# Functions and variables are exported, because each step runs in a shell of its own (see `step`).
set -o allexport

export REPOSITORY=$PWD
BULKHEAD_CACHE=${BULKHEAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/bulkhead}
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
LOGS=$BULKHEAD_CACHE/logs
export CARGO_TERM_COLOR=never
export CARGO_TERM_PROGRESS_WHEN=never
mkdir -p "$LOGS"

ENDINGS=()
# at_end COMMAND...: run when the script ends, however it ends, last registered first.
at_end() { ENDINGS+=("$(printf '%q ' "$@")"); }
run_endings() {
    local status=$? i
    trap - EXIT
    for ((i = ${#ENDINGS[@]} - 1; i >= 0; i--)); do eval "${ENDINGS[$i]}" || true; done
    exit "$status"
}
trap run_endings EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() { printf '%s\n' "$*"; }

# fail WHAT REMEDY
fail() {
    printf 'FAILED: %s\n' "$1" >&2
    [ $# -gt 1 ] && printf '  to do: %s\n' "$2" >&2
    exit 1
}

# need_root WHAT
need_root() {
    [ "$(id -u)" = 0 ] && return
    fail "$1 needs root" "run it again with: sudo -E env PATH=\"\$PATH\" ./dev ..."
}

elapsed() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# A line that moves while a step works, on a terminal only: time, and the last line the step wrote.
progress_line() {
    local began=$SECONDS last
    while sleep 1; do
        last=$(tail -n 1 "$2" 2>/dev/null | tr -d '\000-\037' | cut -c1-60)
        printf '\r\033[K  %s  %s  %s' "$1" "$(elapsed $((SECONDS - began)))" "$last"
    done
}

# step NAME COMMAND...: one message, a progress line, the time; the log is shown only when the step fails.
# The log stays in $LOGS/<name>.log and its path in STEP_LOG.
#
# The command runs in a shell of its own that ends at the first error. A subshell would not do: where the result of
# `step` is tested (`if`, `||`), bash switches `set -e` off in everything below, and a failed `cd` would not stop the
# commands after it.
step() {
    local name=$1 began=$SECONDS ticker='' status=0
    shift
    STEP_LOG=$LOGS/$(tr -c 'a-z0-9\n' - <<<"${name,,}").log
    : >"$STEP_LOG"
    if [ -t 1 ]; then
        progress_line "$name" "$STEP_LOG" &
        ticker=$!
    fi
    # shellcheck disable=SC2016
    bash -euo pipefail -c '"$@"' step "$@" </dev/null >"$STEP_LOG" 2>&1 || status=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        printf '\r\033[K'
    fi
    if [ "$status" = 0 ]; then
        printf '  %-52s ok  %s\n' "$name" "$(elapsed $((SECONDS - began)))"
    else
        printf '  %-52s FAILED  %s\n' "$name" "$(elapsed $((SECONDS - began)))"
        printf -- '--- %s, last lines of %s\n' "$name" "$STEP_LOG"
        tail -n "${BULKHEAD_LOG_LINES:-150}" "$STEP_LOG"
        printf -- '---\n'
    fi
    return "$status"
}

# have_command NAME: also where a user's PATH does not reach.
have_command() { PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null; }

# shellcheck source=dev.d/packages.sh
source dev.d/packages.sh
# shellcheck source=dev.d/sealed.sh
source dev.d/sealed.sh

# with_libraries ROOT PROGRAM...: copies the program to ROOT/bin, and what it is linked with to where it is here.
with_libraries() {
    local root=$1 program
    shift
    for program in "$@"; do
        program=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")
        install -D "$program" "$root/bin/$(basename "$program")"
        libraries "$root" "$program"
    done
}

libraries() {
    local library
    { ldd "$2" 2>/dev/null || true; } | { grep -oE '/[^ ]+' || true; } | while read -r library; do
        [ -e "$1$library" ] || install -D "$library" "$1$library"
    done
}
