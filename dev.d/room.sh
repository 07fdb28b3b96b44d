# shellcheck shell=bash
#: room     run a command in a sealed room (own network, own mounts), e.g. ./dev room bash

cmd_room() {
    room_open
    in_room "${@:-bash}"
}
