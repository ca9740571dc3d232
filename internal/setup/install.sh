#!/usr/bin/env bash
# Installs what this machine lacks, after saying what that is.
#
#   install.sh run      what "make run" needs: Docker, Open vSwitch, nftables, and what builds Trunkline and its node images
#   install.sh test     that, and what the tests use: a browser, PostgreSQL, a registry, Node for an OpenID Connect provider, a kernel to boot
#   install.sh --list run|test    only name the packages that are missing
#
# When nothing is missing it says nothing and ends at once: every check is a look at a file or at PATH.
set -euo pipefail

fail() {
  printf 'trunkline: %s\n' "$*" >&2
  exit 1
}

# On a plain user's PATH the folders of the daemons are missing; the programs are there all the same.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

declare -a MISSING=()

# need PACKAGE COMMAND...: PACKAGE is missing when none of the commands is there.
need() {
  local package=$1 name
  shift
  for name in "$@"; do
    command -v "$name" >/dev/null && return 0
  done
  MISSING+=("$package")
}

# need_file PACKAGE PATTERN: PACKAGE is missing when no file matches.
need_file() {
  compgen -G "$2" >/dev/null || MISSING+=("$1")
}

find_missing() {
  MISSING=()
  # A machine may have the docker client without the engine, or (from Debian 13 on) the engine without the client.
  need docker.io dockerd
  if command -v dockerd >/dev/null; then need docker-cli docker; fi
  # Where the kernel confines programs by AppArmor, containers shall have their profile.
  if grep -qs Y /sys/module/apparmor/parameters/enabled; then need apparmor apparmor_parser; fi
  need openvswitch-switch ovs-vswitchd
  need nftables nft
  need iproute2 ip
  need kmod modprobe
  need curl curl
  need mmdebstrap mmdebstrap
  need_file busybox-static '/usr/share/doc/busybox-static'
  need_file ca-certificates '/etc/ssl/certs/ca-certificates.crt'
  need gcc gcc cc # SQLite is C
  need_file libc6-dev '/usr/include/stdlib.h'
  [ "$1" = test ] || return 0
  need chromium chromium chromium-browser google-chrome
  need_file postgresql '/usr/lib/postgresql/*/bin/postgres'
  need docker-registry docker-registry
  need shellcheck shellcheck
  need procps ps
  need user-mode-linux linux.uml
  need iperf3 iperf3
  need iputils-ping ping
  need util-linux nsenter
  need nodejs node nodejs # for the certified OpenID Connect provider
  need npm npm
}

# bar PERCENT WHAT: one line that is drawn again and again on a terminal; elsewhere a line at each quarter.
LAST_QUARTER=-1
bar() {
  local percent=$1 what=$2 width=30 filled
  if [ -t 1 ]; then
    filled=$((percent * width / 100))
    printf '\r\033[K[%s%s] %3d %%  %.40s' "$(printf '%*s' "$filled" '' | tr ' ' '#')" "$(printf '%*s' $((width - filled)) '' | tr ' ' '.')" "$percent" "$what"
  elif [ $((percent / 25)) -gt "$LAST_QUARTER" ]; then
    LAST_QUARTER=$((percent / 25))
    printf '  %3d %%  %s\n' "$percent" "$what"
  fi
}

# show_progress: reads apt's status lines (dlstatus and pmstatus, each "kind:package:percent:text"); fetching is the first half.
show_progress() {
  local kind what percent=0 text
  while IFS=: read -r kind what percent text; do
    percent=${percent%%.*}
    case $kind in
      dlstatus) bar $((percent / 2)) "fetching packages" ;;
      pmstatus) bar $((50 + percent / 2)) "${text:-$what}" ;;
    esac
  done
  [ ! -t 1 ] || printf '\n'
}

install_packages() {
  local log hint=''
  log=$(mktemp "${TMPDIR:-/tmp}/trunkline-install.XXXXXX")
  printf 'Looking for the packages…\n'
  # A broken source of somebody else's is no reason to give up: what counts is whether the packages can be installed.
  apt-get -q update -o APT::Update::Error-Mode=any >"$log" 2>&1 || hint=' Not every package list could be fetched: is this machine online?'
  # The status lines go through a descriptor of their own, so that the bar is the only thing on the screen.
  if ! { DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 \
    install "$@" 3>&1 >>"$log" 2>&1; } | show_progress; then
    printf '\n' >&2
    grep -E '^(E|Err|dpkg: error)' "$log" | tail -n 10 | sed 's/^/  /' >&2
    fail "the packages could not be installed.$hint The whole log: $log"
  fi
  rm -f "$log"
}

main() {
  local list=no profile
  if [ "${1:-}" = --list ]; then
    list=yes
    shift
  fi
  profile=${1:-run}
  case $profile in run | test) ;; *) fail "usage: install.sh [--list] run|test" ;; esac
  command -v go >/dev/null || [ -x /usr/local/go/bin/go ] || fail "Go is not installed: get it from go.dev/dl (the version that go.mod names, or later)."
  find_missing "$profile"
  if [ "$list" = yes ]; then
    [ "${#MISSING[@]}" = 0 ] || printf '%s\n' "${MISSING[@]}"
    exit 0
  fi
  [ "${#MISSING[@]}" -gt 0 ] || exit 0
  command -v apt-get >/dev/null ||
    fail "this machine lacks (in Debian's names): ${MISSING[*]}. Install them; this script can do so only where there is apt-get."
  [ "$(id -u)" = 0 ] || fail "this machine lacks: ${MISSING[*]}. Only root can install them: run this again with sudo."
  printf 'Trunkline installs what this machine lacks: %s\n' "${MISSING[*]}"
  install_packages "${MISSING[@]}"
  find_missing "$profile"
  [ "${#MISSING[@]}" = 0 ] || fail "still missing after the installation: ${MISSING[*]}"
}

main "$@"
