# shellcheck shell=bash
# A sealed room: a network and a mount namespace of its own, in which dockerd, Bulkhead, tests and attackers
# can do what they like. Whatever they leave (interfaces, firewall rules, pinned programs, mounts, sockets
# under /run) ends with the room, and no packet has a way out of it. The processes in it are those of the host.

ROOM='' # process id that holds the room; its containers live under the control group /bulkhead-room-$ROOM

# room_open: makes a room and sets ROOM. Ends with the script unless room_keep is called.
room_open() {
    need_root "a sealed room"
    ensure_room
    local ready waited=0
    ready=$(mktemp -u "${TMPDIR:-/tmp}/bulkhead-room.XXXXXX")
    setsid --fork unshare --mount --net --propagation private bash dev.d/room-inside "$ready" </dev/null >"$LOGS/room.log" 2>&1
    until [ -s "$ready" ]; do
        sleep 0.1
        ((++waited < 100)) || fail "a sealed room could not be made: $(tail -n 3 "$LOGS/room.log")" "needs root, unshare and a kernel with namespaces"
    done
    ROOM=$(cat "$ready")
    rm -f "$ready"
    at_end room_close
}

# room_enter PID: take over a room that an earlier command kept.
room_enter() { ROOM=$1; }

# in_room COMMAND...: in the room, in this directory, offline.
in_room() {
    # shellcheck disable=SC2016
    env -u DOCKER_HOST CARGO_NET_OFFLINE=true BULKHEAD_ROOM="$ROOM" BULKHEAD_CGROUP="/bulkhead-room-$ROOM" \
        nsenter --target "$ROOM" --mount --net -- bash -c 'cd "$1" && shift && exec "$@"' room "$PWD" "$@"
}

room_keep() { ROOM=''; }

# Whose mount or network namespace is the room's is ours, because only the room's children can be there. (The mount
# namespace alone would miss `ip netns exec`, the network namespace alone those who entered a further network.)
room_processes() {
    local mounts=$1 network=$2 process
    for process in /proc/[0-9]*; do
        if [ "$(readlink "$process/ns/mnt" 2>/dev/null)" = "$mounts" ] ||
            [ "$(readlink "$process/ns/net" 2>/dev/null)" = "$network" ]; then
            printf '%s\n' "${process#/proc/}"
        fi
    done
}

room_close() {
    local mounts network process waited=0
    [ -n "$ROOM" ] && [ -e "/proc/$ROOM" ] || return 0
    mounts=$(readlink "/proc/$ROOM/ns/mnt")
    network=$(readlink "/proc/$ROOM/ns/net")
    # Never the host's own: whatever went wrong, this must not end anybody else's processes.
    [ -n "$mounts" ] && [ "$mounts" != "$(readlink /proc/self/ns/mnt)" ] || return 0
    [ -n "$network" ] && [ "$network" != "$(readlink /proc/self/ns/net)" ] || return 0
    # dockerd first and politely: it ends the containers, which have namespaces of their own.
    if process=$(in_room cat /run/docker.pid 2>/dev/null) && [ -e "/proc/$process" ]; then
        kill "$process" 2>/dev/null || true
        while [ -e "/proc/$process" ] && ((waited++ < 150)); do sleep 0.1; done
    fi
    for process in $(room_processes "$mounts" "$network"); do
        [ "$process" = "$ROOM" ] || kill "$process" 2>/dev/null || true
    done
    waited=0
    while [ "$(room_processes "$mounts" "$network" | wc -l)" -gt 1 ] && ((waited++ < 30)); do sleep 0.1; done
    for process in $(room_processes "$mounts" "$network"); do kill -KILL "$process" 2>/dev/null || true; done
    room_end_containers "/bulkhead-room-$ROOM"
    ROOM=''
}

# What a killed daemon left behind: processes of containers, and the control groups themselves.
room_end_containers() {
    local group process waited=0
    for group in $(room_groups "$1"); do
        while read -r process; do kill -KILL "$process" 2>/dev/null || true; done <"$group/cgroup.procs" || true
    done
    while ((waited++ < 30)); do
        for group in $(room_groups "$1" | sort -r); do rmdir "$group" 2>/dev/null || true; done
        [ -n "$(room_groups "$1")" ] || return 0
        sleep 0.1
    done
}

# Every control group of the room, in whatever hierarchy (v1, v2 or hybrid).
room_groups() { find /sys/fs/cgroup -maxdepth 2 -type d -name "${1#/}" -exec find {} -type d \; 2>/dev/null; }
