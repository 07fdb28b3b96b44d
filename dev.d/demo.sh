# shellcheck shell=bash
#: demo     a shop of real containers: learned, promoted, attacked; --keep leaves it running, --stop ends it

demo_short() { demo/run --short; }

cmd_demo() { demo/run "$@"; }
