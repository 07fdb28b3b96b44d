# shellcheck shell=bash
# The shop's images, without a registry: one root file system from the distribution's own package archive,
# and a thin image for each server on top. Both are cached by the hash of what they are made from.

BASE_PACKAGES=nginx-light,redis-server,redis-tools,postgresql,postgresql-client,opensmtpd,prometheus
BASE_PACKAGES+=,python3,python3-psycopg2,python3-redis,iproute2,netcat-openbsd
BASE_ARCHIVE=''

base_recipe() { printf '%s\n' "$BASE_PACKAGES" "$(suite)" "$(declare -f make_base)"; }
base_tag() { base_recipe | sha256sum | cut -c1-16; }
suite() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# make_base FILE: from the same package sources that this machine uses.
make_base() {
    local sources=() file
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
        [ ! -f "$file" ] || sources+=("$file")
    done
    # No documentation, no caches, and no database cluster that nobody would use.
    # shellcheck disable=SC2016
    mmdebstrap --variant=minbase --include="$BASE_PACKAGES" \
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --essential-hook='mkdir -p "$1/etc/postgresql-common"' \
        --essential-hook='echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
        "$(suite)" "$1.new.tar" "${sources[@]}"
    mv "$1.new.tar" "$1"
}

# prepare_base: outside the room, because the package archive is; skipped when Docker's cache has the image.
prepare_base() {
    local tag
    tag=$(base_tag)
    BASE_ARCHIVE=$DEMO_CACHE/base-$tag.tar
    [ ! -e "$DEMO_CACHE/imported-$tag" ] || return 0
    [ ! -e "$BASE_ARCHIVE" ] || return 0
    ensure_packages "the demo's images" mmdebstrap=mmdebstrap
    step "Root file system from packages (once)" make_base "$BASE_ARCHIVE" ||
        fail "the demo's root file system could not be made" "check this machine's apt sources"
}

images_ready() {
    local tag
    tag=$(base_tag)
    if ! docker_here image inspect "shop/base:$tag" >/dev/null 2>&1; then
        if [ ! -e "$BASE_ARCHIVE" ]; then
            rm -f "$DEMO_CACHE/imported-$tag"
            prepare_base
        fi
        step "Importing the root file system" docker_here import "$BASE_ARCHIVE" "shop/base:$tag" ||
            fail "docker import" "see the log above"
        rm -f "$BASE_ARCHIVE"
        touch "$DEMO_CACHE/imported-$tag"
    fi
    docker_here tag "shop/base:$tag" shop/base:latest
    step "Images of the shop" build_images || fail "the shop's images" "see the log above"
}

build_images() {
    local image
    for image in front web api redis db batch mail metrics; do
        DOCKER_BUILDKIT=0 docker_here build --quiet --target "$image" --tag "shop/$image" demo/shop
    done
}
