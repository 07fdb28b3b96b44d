# shellcheck shell=bash
#: clean    remove what was built here and what is cached outside (images, tools); --build removes the first only

cmd_clean() {
    cargo clean --quiet
    rm -rf "${REPOSITORY:?}/ui/dist" "${REPOSITORY:?}/ui/node_modules"
    [ "${1:-}" = --build ] && return
    # Only what we know we put there: the folder may have been chosen by the user.
    local part
    for part in demo kernels logs tools; do
        rm -rf "${BULKHEAD_CACHE:?}/$part" 2>/dev/null ||
            fail "could not remove $BULKHEAD_CACHE/$part" "the demo's Docker keeps layers that only root may remove: use sudo"
    done
    rmdir "$BULKHEAD_CACHE" 2>/dev/null || true
}
