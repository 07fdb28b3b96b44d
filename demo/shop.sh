# shellcheck shell=bash
# The shop: eight services in nine containers on two networks, labelled as Compose would label them.

dockerd_up() {
    local folder=$DEMO_CACHE/docker left
    mkdir -p "$folder"
    in_background dockerd in_room dockerd --data-root "$folder" --exec-root /run/docker --pidfile /run/docker.pid \
        --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent "/bulkhead-room-$ROOM" --dns 198.51.100.53
    wait_for "dockerd" docker_here version
    # Containers that an interrupted demo left in Docker's records.
    left=$(docker_here ps -aq)
    # shellcheck disable=SC2086
    [ -z "$left" ] || docker_here rm -f -v $left >/dev/null
    docker_here network prune -f >/dev/null
}

docker_here() { in_room docker "$@"; }

# service NAME NUMBER NETWORKS [docker options]: networks separated by commas, the first one first.
service() {
    local name=$1 number=$2 networks=$3 container=shop-$1-$2 network
    shift 3
    docker_here create --name "$container" --hostname "$name-$number" --restart=no --init \
        --label com.docker.compose.project=shop --label "com.docker.compose.service=$name" \
        --label "com.docker.compose.container-number=$number" --label com.docker.compose.oneoff=False \
        --network "shop_${networks%%,*}" --network-alias "$name" "$@" "shop/$name" >/dev/null
    for network in ${networks//,/ }; do
        [ "$network" = "${networks%%,*}" ] || docker_here network connect --alias "$name" "shop_$network" "$container"
    done
    docker_here start "$container" >/dev/null
}

shop_networks() {
    local name number
    for name in frontend:1 backend:2; do
        number=${name#*:}
        docker_here network create --driver bridge --ipv6 --subnet "10.90.$number.0/24" --subnet "fd90:$number::/64" \
            --label com.docker.compose.project=shop --label "com.docker.compose.network=${name%:*}" "shop_${name%:*}" >/dev/null
    done
}

shop_up() {
    shop_networks
    service db 1 backend
    service redis 1 backend
    service mail 1 backend
    service api 1 backend --volume "$DEMO_RUN/payments.crt:/shop-tls/payments.crt:ro"
    service api 2 backend --volume "$DEMO_RUN/payments.crt:/shop-tls/payments.crt:ro"
    service web 1 frontend,backend
    service metrics 1 backend
    service front 1 frontend --publish 80:80
    wait_for "the shop" in_internet curl -sf --max-time 3 -o "$DEMO_RUN/page" "http://$SHOP_V4/"
    wait_for "the shop over IPv6" in_internet curl -sf --max-time 3 -o "$DEMO_RUN/page" "http://[$SHOP_V6]/"
}
