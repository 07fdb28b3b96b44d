# shellcheck shell=bash
# Bulkhead's part of the story: it finds the shop, learns it, writes the policy, and holds it.

# A week passes in fifteen seconds for the estimator, and it says so in every figure.
LEARN_SCALE=40320

story_build() {
    ensure_rust
    build_console
    step "Building Bulkhead" cargo build --locked -p bulkhead || fail "Bulkhead does not build" "see the log above"
    [ -z "$BROWSER" ] || step "Building an estate of a thousand" cargo build --locked -p bulkhead-controller --example estate ||
        fail "the example does not build" "see the log above"
}

# bulkhead ARGUMENTS...: the client, in the room.
bulkhead() { in_room env BULKHEAD_STATE=/run/bulkhead-state "$CARGO_TARGET_DIR/debug/bulkhead" "$@"; }

bulkhead_start() {
    in_background "bulkhead-$1" bulkhead up --learn-scale $LEARN_SCALE
    wait_for "Bulkhead" bulkhead status
}

story_bulkhead() {
    heading "4. One command: bulkhead up"
    bulkhead_start first
    wait_for "every service of the shop" services_found front web api redis db mail metrics batch
    bulkhead status | indent
    say "  Nothing is denied now. It watches; a week of its clock passes in 15 seconds:"
    story_learning "$([ -n "$SHORT" ] && echo 4 || echo 5)"
    bulkhead services | indent

    heading "5. What it learned, as policy"
    say "  For Redis, written by Bulkhead from what it saw, and what it would deny of that:"
    { bulkhead promote shop/redis --to enforce --dry-run || true; } | indent
    say "  What an attacker who holds web can reach now: $(blast_radius)"

    heading "6. Enforce"
    story_promote
    sleep 3
    say "  What an attacker who holds web can reach now: $(blast_radius)"
    customers_unharmed "after promotion"

    heading "7. The same breach again"
    story_breach after
    [ "$(breach_count "$DEMO_RUN/breach-after.json" blocked)" = "$BREACH_STEPS" ] ||
        fail "a step of the breach got through" "look into $DEMO_RUN/breach-after.json"
    [ "$(arrived exfiltration) $(arrived reverse-shell) $(arrived metadata)" = "2 1 1" ] ||
        fail "something of the second breach arrived on the Internet" "look into $DEMO_RUN/internet.log"
    say "  On the Internet's side nothing of it arrived. What Bulkhead says about each of the nine:"
    wait_for "an event for each step of the breach" every_step_explained
    bulkhead events --type scan --limit 1 | indent
    explained | jq -r '"\(.step)\t\(.message)\t\(.process.command_line // "")"' |
        while IFS=$'\t' read -r name message process; do
            printf '    %-24s %s\n' "$name" "$message"
            [ -z "$process" ] || printf '    %-24s by %s\n' "" "$(cut -c1-70 <<<"$process")"
        done
    say "  And everything about one denial, with what would allow it:"
    bulkhead events "$(explained | jq -r 'select(.step == "redis") | .id')" | indent
    customers_unharmed "during the breach"
    nights_unharmed

    if [ -n "$BROWSER" ]; then
        ensure_packages "the browser" chromium=chromium
        step "The console in a browser, on this shop" console_in_browser || fail "the console" "see the log above"
        customers_unharmed "meanwhile"
    fi

    heading "8. Bulkhead is killed, and nothing opens"
    story_killed

    heading "9. Bulkhead goes, and leaves nothing behind"
    if [ -n "$KEEP" ]; then
        say "  (kept, because of --keep)"
    else
        bulkhead down --remove | indent
        [ ! -e "/proc/$ROOM/root/sys/fs/bpf/bulkhead" ] || fail "pins are left" "look into /sys/fs/bpf"
        ! in_room nft list tables | grep -i bulkhead || fail "firewall rules are left" "nft list ruleset"
        customers_unharmed "after Bulkhead has gone"
    fi
}

# Everything that a chain of connections from web could lead to.
blast_radius() {
    bulkhead blast-radius shop/web -o json |
        jq -r '.now.count | "\(.services) services, \(.ports) ports\(if .world then ", and the world" else "" end)"'
}

indent() { sed 's/^/    /'; }

# services_found NAME...: whether Bulkhead knows all of them.
services_found() {
    local name known
    known=$(bulkhead services -o json | jq -r '.. | .name? // empty | strings') || return 1
    for name in "$@"; do grep -qx "shop/$name" <<<"$known" || return 1; done
}

story_learning() {
    local look
    for ((look = 1; look <= $1; look++)); do
        sleep 5
        bulkhead services -o json | jq -r --arg week "$look" '
            [.. | objects | select(has("learning")) | select(.name | startswith("shop/"))] |
            "    \(map(.learning.edges) | add) edges; chance of an unseen one in the next hour, at most: " +
            (map("\(.name | ltrimstr("shop/")) \(.learning.upper_hour * 100 | . * 10 | round / 10)%") | join(", "))'
    done
}

story_promote() {
    local name
    for name in redis db api web front mail metrics batch; do
        { bulkhead promote "shop/$name" --to enforce --dry-run || true; } >"$DEMO_RUN/preview-$name"
        bulkhead mode "shop/$name" enforce --yes --reason "the demo" | indent
    done
}

customers_unharmed() {
    sleep 1
    [ "$(customers failed)" = 0 ] || fail "$(customers failed) requests failed $1: $(customers last_error)" "look into $DEMO_RUN"
    say "  Customers $1: $(customers requests) requests, 0 failed."
}

console_in_browser() {
    in_room env BULKHEAD_URL=http://127.0.0.1:7070 BULKHEAD_TOKEN="$(in_room cat /run/bulkhead-state/admin.token)" \
        BULKHEAD_STATE=/run/bulkhead-state BULKHEAD_PROGRAM="$CARGO_TARGET_DIR/debug/bulkhead" \
        BULKHEAD_ESTATE="$CARGO_TARGET_DIR/debug/examples/estate" npm --prefix ui run e2e
}

# The event of each step but the scan: a JSON line with the step's name.
explained() {
    bulkhead events --type denied --limit 1000 -o json | jq -c '
        def is($client; $server; $port):
            .edge.client.name == $client and (.edge.server.name == $server or .tuple.server_address == $server) and .edge.port == $port;
        .items as $events |
        [["redis", "shop/web", "shop/redis", 6379], ["postgresql", "shop/web", "shop/db", 5432],
         ["metadata", "shop/web", "169.254.169.254", 80], ["exfiltration", "shop/web", "203.0.113.66", 80],
         ["exfiltration over IPv6", "shop/web", "2001:db8:cafe::66", 80], ["reverse shell", "shop/web", "203.0.113.66", 4444],
         ["sideways to redis", "default/shop.base", "shop/redis", 6379], ["sideways to db", "default/shop.base", "shop/db", 5432]][] |
        . as [$step, $client, $server, $port] |
        [$events[] | select(is($client; $server; $port))] | sort_by(.process == null) | first // empty | . + {step: $step}'
}

every_step_explained() {
    [ "$(explained | wc -l)" = $((BREACH_STEPS - 1)) ] && bulkhead events --type scan --limit 1 -o json | jq -e '.items | length == 1'
}

nights_unharmed() {
    ! grep -E 'night [0-9]+: [1-9]' "$DEMO_RUN/nights.log" || fail "a nightly job failed" "look into $DEMO_RUN/nights.log"
    say "  The nightly job: $(grep -c '^night' "$DEMO_RUN/nights.log") nights, each in a container of its own, none failed."
}

story_killed() {
    local process
    process=$(in_room cat /run/bulkhead/bulkhead.lock)
    kill -KILL "$process"
    say "  kill -9 $process. The same attacker tries once more, and a fresh container as well, which nobody knows now"
    say "  and which therefore stays closed until Bulkhead is back:"
    breach_run "$DEMO_RUN/breach-killed.json"
    breach_table "$DEMO_RUN/breach-killed.json"
    [ "$(breach_count "$DEMO_RUN/breach-killed.json" blocked)" = "$BREACH_STEPS" ] ||
        fail "a step of the breach got through while Bulkhead was dead" "look into $DEMO_RUN/breach-killed.json"
    customers_unharmed "while Bulkhead was dead"
    bulkhead_start second
    say "  Started again: it adopted what the kernel enforced, nothing was cut."
    customers_unharmed "after its restart"
}
