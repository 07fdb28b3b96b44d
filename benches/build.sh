# shellcheck shell=bash
# Sourced by benches/*/run, in the root of the repository. Builds what a bench needs: for release, or, with --check among
# its options, as the tests are built, because then nothing counts but that it runs and what comes out is right.
# Options of cargo come first, then --, then those of the bench. Sets BUILT, the folder of the programs, and OUT, that of
# the JSON.

build_bench() {
    local cargo=() profile=release
    while [ "$1" != -- ]; do
        cargo+=("$1")
        shift
    done
    OUT=${CARGO_TARGET_DIR:-$PWD/target}/bench
    case " $* " in
    *" --check "*)
        profile=debug
        OUT+=/check
        ;;
    *) cargo+=(--release) ;;
    esac
    mkdir -p "$OUT"
    cargo build --quiet --locked "${cargo[@]}"
    # shellcheck disable=SC2034
    BUILT=${CARGO_TARGET_DIR:-$PWD/target}/$profile
}
