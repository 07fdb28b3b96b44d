# shellcheck shell=bash
#: demo     a shop of real containers: learned, promoted, attacked; --keep leaves it running, --stop ends it

# With the console's end-to-end tests: what they look at is real there.
demo_short() { demo/run --short --browser; }

cmd_demo() { demo/run "$@"; }
