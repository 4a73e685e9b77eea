#!/bin/sh
# What the machine itself must have before a door of the Makefile can work.
#
#   tools/needs.sh run|test|bench             name what is missing in one line, with the command that installs it
#   tools/needs.sh run|test|bench --install   the same; as root on Debian or Ubuntu, install it
#   tools/needs.sh python                     print the first Python that is new enough
#
# Exit codes: 0 all there, 1 something is missing. Plain sh: it has to run where nothing is installed yet.
set -u

python_fits() { # new enough, and able to make a virtual environment with pip in it
    "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    for name in ${PYTHON:-} python3 python3.11 python3.12 python3.13 python3.14; do
        if command -v "$name" >/dev/null 2>&1 && python_fits "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

python_packages() { # the Debian packages that are missing for a Python that fits
    for name in python3 python3.11 python3.12 python3.13; do
        if command -v "$name" >/dev/null 2>&1 && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name-venv"
            return
        fi
    done
    if command -v python3 >/dev/null 2>&1; then echo "python3.11 python3.11-venv"; else echo "python3 python3-venv"; fi
}

missing() { # the Debian packages that a door still needs
    find_python >/dev/null || python_packages
    if ! command -v node >/dev/null 2>&1; then echo nodejs; fi
    if ! command -v npm >/dev/null 2>&1; then echo npm; fi
    if [ "$1" = test ] || [ "$1" = bench ]; then
        if ! command -v ffmpeg >/dev/null 2>&1; then echo ffmpeg; fi
    fi
    if [ "$1" = test ]; then
        if ! browser >/dev/null; then echo chromium; fi
        if ! fonts; then echo fonts-dejavu-core; fi
        if ! command -v srt-live-transmit >/dev/null 2>&1; then echo srt-tools; fi
    fi
    if [ "$1" = bench ]; then
        if ! command -v nginx >/dev/null 2>&1 && [ ! -x /usr/sbin/nginx ]; then echo nginx-light; fi
        if [ ! -e /usr/lib/nginx/modules/ngx_rtmp_module.so ]; then echo libnginx-mod-rtmp; fi
        if ! command -v wrk >/dev/null 2>&1; then echo wrk; fi
    fi
}

browser() {
    for name in ${HEADWATER_CHROMIUM:-} chromium chromium-browser google-chrome; do
        command -v "$name" && return 0
    done
    return 1
}

fonts() { # any font will do: a picture of a page without letters shows nothing
    [ -n "$(find /usr/share/fonts -name '*.[to]tf' 2>/dev/null | head -n 1)" ]
}

install() {
    echo "headwater: installing $*"
    apt-get update -qq >/dev/null || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

door=${1:-}
case $door in
    python) find_python; exit $? ;;
    run | test | bench) ;;
    *) echo "usage: tools/needs.sh run|test|bench [--install] | python" >&2; exit 2 ;;
esac

list=$(missing "$door" | tr '\n' ' ' | sed 's/ *$//')
[ -z "$list" ] && exit 0
if [ "${2:-}" = --install ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    # shellcheck disable=SC2086  # a list of package names
    install $list
    list=$(missing "$door" | tr '\n' ' ' | sed 's/ *$//')
    [ -z "$list" ] && exit 0
fi
if command -v apt-get >/dev/null 2>&1; then
    echo "headwater: this machine lacks: $list. Install with: sudo apt-get update && sudo apt-get install -y $list" >&2
else
    echo "headwater: this machine lacks what Debian calls: $list. Install the same with this system's package manager" >&2
fi
exit 1
