# shellcheck shell=bash
# The Internet of the demo: a network namespace at the other end of the room's only cable.

INTERNET_V4="198.51.100.1/24 198.51.100.53/24 203.0.113.10/24 203.0.113.25/24 203.0.113.66/24 169.254.169.254/32"
INTERNET_V6="2001:db8:cafe::1/64 2001:db8:cafe::10/64 2001:db8:cafe::25/64 2001:db8:cafe::53/64 2001:db8:cafe::66/64"
SHOP_V4=192.0.2.2
SHOP_V6=2001:db8:0:1::2

# Runs in the room.
internet_cable() {
    local address
    ip netns add internet
    ip link add uplink0 type veth peer name eth0 netns internet
    ip -n internet link set lo up
    ip addr add $SHOP_V4/24 dev uplink0
    ip addr add $SHOP_V6/64 dev uplink0 nodad
    ip link set uplink0 up
    ip -n internet addr add 192.0.2.1/24 dev eth0
    ip -n internet addr add 2001:db8:0:1::1/64 dev eth0 nodad
    ip -n internet link set eth0 up
    for address in $INTERNET_V4; do ip -n internet addr add "$address" dev lo; done
    for address in $INTERNET_V6; do ip -n internet addr add "$address" dev lo nodad; done
    ip route add default via 192.0.2.1
    ip -6 route add default via 2001:db8:0:1::1
    # Docker 20 does not translate IPv6: the shop's networks are routed, as a provider would.
    ip -n internet -6 route add fd90::/16 via $SHOP_V6
    sysctl -q -w net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
    # Names are asked for on this Internet and nowhere else. The mount is the room's own.
    echo "nameserver 198.51.100.53" >/run/resolv.conf
    mount --bind /run/resolv.conf "$(readlink -f /etc/resolv.conf)"
}

in_internet() { in_room nsenter --net=/run/netns/internet -- "$@"; }

internet_up() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=payments.example.com \
        -addext subjectAltName=DNS:payments.example.com -keyout "$DEMO_RUN/payments.key" -out "$DEMO_RUN/payments.crt"
    in_room bash -euc internet_cable
    : >"$DEMO_RUN/internet.log"
    in_background internet in_internet python3 demo/internet/internet.py "$DEMO_RUN" "$DEMO_RUN/internet.log"
    wait_for "the Internet of the demo" grep -q '"up"' "$DEMO_RUN/internet.log"
}

customers_start() {
    in_background customers in_internet python3 demo/internet/customers.py "$DEMO_RUN/customers.json" 20 $SHOP_V4 $SHOP_V6
    wait_for "the first customers" test -s "$DEMO_RUN/customers.json"
}

# customers FIELD
customers() { jq -r ".$1" "$DEMO_RUN/customers.json"; }

# What arrived at the Internet's side: arrived KIND → how often
arrived() { jq -s --arg kind "$1" 'map(select(.what == $kind)) | length' "$DEMO_RUN/internet.log"; }
