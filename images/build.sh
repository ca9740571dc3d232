#!/usr/bin/env bash
# Builds the node images that are missing or whose recipe changed; says nothing to do in one Docker call when all are there.
#
#   images/build.sh [--check] [--force] [base|host|router|dhcp|dns|tiny ...]      (default: all)
#     --check   build nothing; exit 1 and name what would be built
#     --force   build even what is up to date
#
# Without a registry (the default on Debian): the base comes from Debian's packages by mmdebstrap with this machine's own
# source list. With one:  BASE_FROM=debian:bookworm-slim images/build.sh
# The choice is kept in the images and holds for later builds; BASE_FROM=packages goes back.
#
#   PREFIX=trunkline     names the images PREFIX/host and so on
#   SUITE=bookworm       the Debian suite of the base; default: this machine's own
#   SOURCES=FILE         the source list the base is made from; default: this machine's own
#   DOCKER_HOST=…        which Docker engine
#
# Each image carries the label trunkline.recipe: a hash over everything it is made from, its parent's included.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PREFIX=${PREFIX:-trunkline}
BASE_FROM=${BASE_FROM:-}
ALL=(tiny base host router dhcp dns)
CHECK=no FORCE=no
export DOCKER_BUILDKIT=0 # Debian's docker.io has no buildx; the classic builder is everywhere.

declare -A PARENT=([host]=base [router]=host [dhcp]=host [dns]=host)
declare -A PURPOSE=(
  [tiny]='busybox, for tests and very large labs'
  [base]='Debian, shared by the others'
  [host]='plain host with network tools'
  [router]='FRR routing'
  [dhcp]='dnsmasq DHCP server'
  [dns]='bind9 name server'
)
declare -A RECIPE=()

fail() {
  printf 'trunkline: %s\n' "$*" >&2
  exit 1
}

# --- what an image is made from -------------------------------------------------------------------------------------------

suite() {
  local codename
  # shellcheck source=/dev/null
  codename=$(. /etc/os-release 2>/dev/null && printf '%s' "${VERSION_CODENAME:-}")
  printf '%s' "${SUITE:-${codename:-bookworm}}"
}

sources() {
  local file
  if [ -n "${SOURCES:-}" ]; then
    printf '%s' "$SOURCES"
    return
  fi
  for file in /etc/apt/sources.list.d/debian.sources /etc/apt/sources.list.d/ubuntu.sources /etc/apt/sources.list; do
    if [ -s "$file" ]; then
      printf '%s' "$file"
      return
    fi
  done
}

# The registry image that the base is made from; nothing when it is made from packages. What was asked for counts first, then what
# the images here were made from, then what this machine can do.
base_from() {
  if [ "$BASE_FROM" = packages ]; then
    return
  elif [ -n "${BASE_FROM:-$KEPT_FROM}" ]; then
    printf '%s' "${BASE_FROM:-$KEPT_FROM}"
  elif ! command -v mmdebstrap >/dev/null || [ -z "$(sources)" ]; then
    printf 'debian:%s-slim' "$(suite)"
  fi
}

busybox_path() {
  local path
  path=$(command -v busybox) || fail "busybox is not installed and trunkline/tiny is made of it: apt-get install busybox-static"
  printf '%s' "$path"
}

# Prints what the recipe of an image depends on, as text to be hashed.
ingredients() {
  local name=$1
  case $name in
    base)
      printf 'base from=%s suite=%s\n' "$(base_from)" "$(suite)"
      cat "$here/base/mkbase.sh"
      ;;
    tiny) cat "$here/tiny/Dockerfile" ;;
    *)
      printf 'parent %s\n' "${RECIPE[${PARENT[$name]}]}"
      (cd "$here/$name" && find . -type f -printf '%p %m\n' | LC_ALL=C sort && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 cat)
      ;;
  esac
}

fill_recipes() {
  local name
  for name in "${ALL[@]}"; do
    RECIPE[$name]=$(ingredients "$name" | sha256sum | cut -c1-16)
  done
}

# --- what is there --------------------------------------------------------------------------------------------------------

# wanted NAME [ONLY...]: is NAME among ONLY, or the parent of one of them?
wanted() {
  local name=$1 only
  shift
  [ $# -gt 0 ] || return 0
  for only in "$@"; do
    while [ -n "$only" ]; do
      [ "$only" = "$name" ] && return 0
      only=${PARENT[$only]:-}
    done
  done
  return 1
}

# Asks the engine once what is there: PRESENT is the recipes of our images, KEPT_FROM the registry image they were made from.
PRESENT='' KEPT_FROM=''
look() {
  local lines errors recipe from
  errors=$(mktemp)
  lines=$(docker image inspect --format '{{index .Config.Labels "trunkline.recipe"}} {{index .Config.Labels "trunkline.base"}}' \
    "${ALL[@]/#/$PREFIX/}" 2>"$errors") ||
    ! grep -qiv 'no such image' "$errors" || fail "Docker does not answer ($(head -n 1 "$errors")). Run: internal/setup/daemons.sh start"
  rm -f "$errors"
  while read -r recipe from; do
    PRESENT+=" $recipe"
    KEPT_FROM=${from:-$KEPT_FROM}
  done <<<"$lines"
}

# Fills STALE with what has to be built, parents first, limited to the names given.
declare -a STALE=()
find_stale() {
  local name
  for name in "${ALL[@]}"; do
    wanted "$name" "$@" || continue
    if [ "$FORCE" = yes ] || [[ "$PRESENT " != *" ${RECIPE[$name]} "* ]]; then STALE+=("$name"); fi
  done
}

# --- building -------------------------------------------------------------------------------------------------------------

# What the build steps need from this machine to reach its package archive: validity settings and local CA certificates.
# Proxies may carry passwords and are passed as build arguments instead, which do not stay in the image.
gather_extra() {
  local to=$1 file
  mkdir -p "$to/etc/apt/apt.conf.d" "$to/usr/local/share/ca-certificates"
  for file in /etc/apt/apt.conf.d/*; do
    if grep -qsE '^[^/#]*Acquire::Check-(Valid-Until|Date)' "$file"; then
      grep -hE '^[^/#]*Acquire::Check-(Valid-Until|Date)' "$file" >"$to/etc/apt/apt.conf.d/${file##*/}"
    fi
  done
  for file in /usr/local/share/ca-certificates/*.crt; do
    if [ -e "$file" ]; then cp "$file" "$to/usr/local/share/ca-certificates/"; fi
  done
}

proxy_arguments() {
  local name value
  for name in http_proxy https_proxy no_proxy; do
    value=${!name:-}
    if [ -z "$value" ] && [ "$name" != no_proxy ] && command -v apt-config >/dev/null; then
      eval "$(apt-config shell value "Acquire::${name%_proxy}::Proxy")"
    fi
    if [ -n "$value" ]; then printf '%s\n' --build-arg "$name=$value"; fi
  done
}

docker_build() {
  local name=$1 context=$2
  shift 2
  docker build --network host --label "trunkline.recipe=${RECIPE[$name]}" --tag "$PREFIX/$name:latest" "$@" "$context"
}

build_base() {
  local from extra=$WORK/extra
  gather_extra "$extra"
  from=$(base_from)
  if [ -n "$from" ]; then
    mkdir -p "$WORK/base"
    cp -a "$extra" "$WORK/base/extra"
    printf 'FROM %s\nCOPY extra/ /\nENV LANG=C.UTF-8\n' "$from" >"$WORK/base/Dockerfile"
    docker_build base "$WORK/base" --label "trunkline.base=$from"
  else
    "$here/base/mkbase.sh" "$(suite)" "$(sources)" "$extra" >"$WORK/base.tar"
    docker import --change 'CMD ["/bin/bash"]' --change 'ENV LANG=C.UTF-8' --change "LABEL trunkline.recipe=${RECIPE[base]}" \
      "$WORK/base.tar" "$PREFIX/base:latest"
    rm -f "$WORK/base.tar"
  fi
}

build_tiny() {
  mkdir -p "$WORK/tiny"
  cp "$here/tiny/Dockerfile" "$WORK/tiny/"
  cp "$(busybox_path)" "$WORK/tiny/busybox"
  docker_build tiny "$WORK/tiny"
}

build_one() {
  local name=$1 arguments
  case $name in
    base | tiny) "build_$name" ;;
    *)
      mapfile -t arguments < <(proxy_arguments)
      docker_build "$name" "$here/$name" --build-arg "BASE=$PREFIX/${PARENT[$name]}:latest" "${arguments[@]}"
      ;;
  esac
}

# --- showing it -----------------------------------------------------------------------------------------------------------

TTY=no
[ -t 1 ] && TTY=yes

# The step a build is at, from its log: "step 2/5".
step_of() {
  sed -n 's|^Step \([0-9]*/[0-9]*\).*|step \1|p' "$WORK/$1.log" 2>/dev/null | tail -n 1
}

draw() {
  [ "$TTY" = yes ] || return 0
  local built=$1 name what='' filled width=24
  for name in "${!PID[@]}"; do what+="${what:+, }$name $(step_of "$name")"; done
  filled=$((built * width / ${#STALE[@]}))
  printf '\r\033[K[%s%s] %d/%d images  %s' "$(printf '%*s' "$filled" '' | tr ' ' '#')" "$(printf '%*s' $((width - filled)) '' | tr ' ' '.')" \
    "$built" "${#STALE[@]}" "$what"
}

# finished NAME CODE: says how it went; on failure shows the end of the log and ends the others.
finished() {
  local name=$1 code=$2 size
  [ "$TTY" = no ] || printf '\r\033[K'
  if [ "$code" != 0 ]; then
    printf '\ntrunkline: building %s/%s failed. The end of its log:\n' "$PREFIX" "$name" >&2
    tail -n 25 "$WORK/$name.log" | sed 's/^/  /' >&2
    exit 1
  fi
  size=$(docker image inspect --format '{{.Size}}' "$PREFIX/$name:latest")
  printf '  built %-18s %4d s  %4d MB  %s\n' "$PREFIX/$name" $((SECONDS - ${BEGAN[$name]})) $((size / 1000000)) "${PURPOSE[$name]}"
}

# --- the order ------------------------------------------------------------------------------------------------------------

declare -A PID=() BEGAN=() STATE=()

# ready NAME: its parent is not still to be built.
ready() {
  local parent=${PARENT[$1]:-}
  [ -z "$parent" ] || [ "${STATE[$parent]:-built}" = built ]
}

start_ready() {
  local name
  for name in "${STALE[@]}"; do
    [ "${#PID[@]}" -lt "$JOBS" ] || return 0
    if [ "${STATE[$name]}" = waiting ] && ready "$name"; then
      BEGAN[$name]=$SECONDS STATE[$name]=building
      build_one "$name" >"$WORK/$name.log" 2>&1 &
      PID[$name]=$!
      [ "$TTY" = yes ] || printf '  building %s/%s…\n' "$PREFIX" "$name"
    fi
  done
}

build_stale() {
  local name code built=0
  for name in "${STALE[@]}"; do STATE[$name]=waiting; done
  while [ "$built" -lt "${#STALE[@]}" ]; do
    start_ready
    draw "$built"
    for name in "${!PID[@]}"; do
      if ! kill -0 "${PID[$name]}" 2>/dev/null; then
        code=0
        wait "${PID[$name]}" || code=$?
        unset "PID[$name]"
        finished "$name" "$code"
        STATE[$name]=built
        built=$((built + 1))
      fi
    done
    sleep 0.2
  done
  [ "$TTY" = no ] || printf '\r\033[K'
}

clean_up() {
  local name
  for name in "${!PID[@]}"; do kill "${PID[$name]}" 2>/dev/null || true; done
  [ -z "${WORK:-}" ] || rm -rf "$WORK"
}

main() {
  local only=() argument
  for argument in "$@"; do
    case $argument in
      --check) CHECK=yes ;;
      --force) FORCE=yes ;;
      -*) fail "usage: images/build.sh [--check] [--force] [${ALL[*]}]" ;;
      *)
        [[ " ${ALL[*]} " == *" $argument "* ]] || fail "there is no image $argument; the images are: ${ALL[*]}"
        only+=("$argument")
        ;;
    esac
  done
  look
  fill_recipes
  find_stale "${only[@]}"
  [ "${#STALE[@]}" -gt 0 ] || exit 0
  if [ "$CHECK" = yes ]; then
    printf 'To be built: %s\n' "${STALE[*]}"
    exit 1
  fi
  if [[ " ${STALE[*]} " == *' base '* ]] && [ -z "$(base_from)" ] && [ "$(id -u)" != 0 ]; then
    fail "making the base image from Debian packages needs root: run this with sudo, or set BASE_FROM=debian:$(suite)-slim"
  fi
  JOBS=$(nproc)
  WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/trunkline-images.XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT TERM
  printf 'Building %s of %d node images. All of them take a minute or two, once.\n' "${#STALE[@]}" "${#ALL[@]}"
  build_stale
}

main "$@"
