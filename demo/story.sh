# shellcheck shell=bash
# What is told, in order.

story() {
    local began=$SECONDS
    need_root "the demo"
    heading "1. The ground: packages, images, a room of its own"
    ensure_docker
    ensure_packages "the demo" jq=jq curl=curl openssl=openssl python3=python3 socat=socat
    prepare_base
    [ -n "$WITHOUT" ] || story_build
    room_open
    step "The Internet, in a namespace" internet_up || fail "the demo's Internet" "see the log above"
    dockerd_up
    images_ready
    say "  Everything below runs in this room: no packet of it can leave the machine."

    heading "2. The shop: nginx, web, 2 x api, Redis, PostgreSQL, mail relay, Prometheus, a nightly job"
    step "Starting nine containers on two networks" shop_up || fail "the shop does not start" "docker logs, with ./dev demo --keep"
    customers_start
    in_background nights in_room demo/shop/nights 5
    sleep 5
    say "  Customers on the Internet: $(customers requests) requests so far, $(customers failed) failed."

    heading "3. The breach, while nothing stands in its way"
    story_breach before
    [ "$(breach_count "$DEMO_RUN/breach-before.json" reached)" = "$BREACH_STEPS" ] ||
        fail "the breach does not even work without Bulkhead, so it would prove nothing" "look into $DEMO_RUN"
    [ -n "$WITHOUT" ] || story_bulkhead

    heading "The end"
    say "  Customers: $(customers requests) requests, $(customers failed) failed, slowest $(customers slowest_ms) ms."
    say "  Told in $(elapsed $((SECONDS - began)))."
    [ "$(customers failed)" = 0 ] || fail "$(customers failed) requests of customers failed: $(customers last_error)" "look into $DEMO_RUN"
    [ -z "$KEEP" ] || story_keep
}

story_breach() {
    local file=$DEMO_RUN/breach-$1.json
    say "  A hole in the web application gives an attacker a shell in its container:"
    breach_run "$file"
    breach_table "$file"
    say "  reached: $(breach_count "$file" reached) of $BREACH_STEPS, blocked: $(breach_count "$file" blocked)"
}

story_keep() {
    echo "$ROOM" >"$DEMO_RUN/kept"
    if [ -z "$WITHOUT" ]; then console_outside; fi
    room_keep
    say "  Kept. ./dev demo --enter gives a shell in the room (docker ps, bulkhead status ...); ./dev demo --stop ends it."
}

# The console listens in the room; a relay on this host's loopback leads there, as long as the demo is kept.
console_outside() {
    local port=7070
    while ss -Hltn "sport = :$port" | grep -q .; do port=$((port + 1)); done
    setsid socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" \
        EXEC:"nsenter --target $ROOM --net socat - TCP\:127.0.0.1\:7070" </dev/null >"$DEMO_RUN/console.log" 2>&1 9>&- &
    echo $! >"$DEMO_RUN/console.pid"
    say "  Console: http://127.0.0.1:$port  token: $(in_room cat /run/bulkhead-state/admin.token)"
}

console_close() {
    local relay
    relay=$(cat "$DEMO_RUN/console.pid" 2>/dev/null || true)
    # Only if that number still is our relay.
    if [ -n "$relay" ] && grep -qa 'TCP-LISTEN' "/proc/$relay/cmdline" 2>/dev/null; then kill "$relay"; fi
}
