#!/usr/bin/env bash
# Starts Docker and Open vSwitch, each only when nothing answers yet.
#
#   daemons.sh start    start what does not answer, wait until it does
#   daemons.sh status   say what answers; exit 1 when something does not
#   daemons.sh stop     end what an earlier "start" began by hand (never what systemd or someone else runs)
#
# Where systemd is process 1 it does the work. Elsewhere the daemons are started by hand, each in a session of its own, so that
# Ctrl-C in the terminal and the end of this script leave them running. Logs: $TRUNKLINE_LOG_DIR (default /var/log/trunkline).
set -euo pipefail

PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LOG_DIR=${TRUNKLINE_LOG_DIR:-/var/log/trunkline}
RUN_DIR=${TRUNKLINE_RUN_DIR:-/run/trunkline}
DOCKER_SOCKET=${TRUNKLINE_DOCKER_SOCKET:-/var/run/docker.sock}
OVS_SOCKET=/var/run/openvswitch/db.sock
OVS_DATABASE=/etc/openvswitch/conf.db
OVS_SCHEMA=/usr/share/openvswitch/vswitch.ovsschema
WAIT_SECONDS=${TRUNKLINE_WAIT_SECONDS:-60}

fail() {
  printf 'trunkline: %s\n' "$*" >&2
  exit 1
}

has_systemd() { [ -d /run/systemd/system ]; }

# The Docker client of a machine may be new and slow to start; asking the engine's own /_ping costs a few milliseconds.
docker_answers() {
  [ -S "$DOCKER_SOCKET" ] || return 1
  if command -v curl >/dev/null; then
    [ "$(curl -s --max-time 5 --unix-socket "$DOCKER_SOCKET" http://docker/_ping 2>/dev/null)" = OK ]
  else
    timeout 5 docker -H "unix://$DOCKER_SOCKET" version >/dev/null 2>&1
  fi
}

# Both parts: the database, and the switch itself.
ovs_answers() { ovs_pid ovs-vswitchd >/dev/null && ovsdb_answers; }

ovsdb_answers() { [ -S "$OVS_SOCKET" ] && timeout 5 ovs-vsctl --timeout=4 --no-wait show >/dev/null 2>&1; }

# Prints the process id of an OVS daemon that lives.
ovs_pid() {
  local file=/var/run/openvswitch/$1.pid pid
  [ -s "$file" ] || return 1
  pid=$(<"$file")
  [ -d "/proc/$pid" ] && printf '%s\n' "$pid"
}

# wait_for WHAT NAME COMMAND...: polls until COMMAND succeeds. At the bound, or when the daemon NAME that was started by hand has
# ended, prints the end of its log and fails.
wait_for() {
  local what=$1 name=$2 deadline=$((SECONDS + WAIT_SECONDS))
  local log=$LOG_DIR/$name.log
  shift 2
  until "$@"; do
    if [ "$SECONDS" -ge "$deadline" ] || ended "$name"; then
      {
        printf 'trunkline: %s does not answer%s.\n' "$what" "$(ended "$name" && echo ", because it ended at once" || echo " after $WAIT_SECONDS seconds")"
        if [ -s "$log" ]; then
          printf 'The end of %s:\n' "$log"
          tail -n 20 "$log" | sed 's/^/  /'
        elif has_systemd; then
          printf 'Look at: journalctl -u docker -u openvswitch-switch --since -5min\n'
        fi
      } >&2
      return 1
    fi
    sleep 0.1
  done
}

# ended NAME: the daemon was started by hand and is gone.
ended() {
  local file=$RUN_DIR/$1.pid
  [ -s "$file" ] && ! [ -d "/proc/$(<"$file")" ]
}

need_root() {
  [ "$(id -u)" = 0 ] || fail "$1 does not answer and only root can start it: run this again with sudo."
}

# detach NAME COMMAND...: runs COMMAND in its own session, logs to $LOG_DIR/NAME.log, keeps its process id for "stop".
detach() {
  local name=$1
  shift
  mkdir -p "$LOG_DIR" "$RUN_DIR"
  setsid nohup "$@" </dev/null >>"$LOG_DIR/$name.log" 2>&1 &
  printf '%s\n' "$!" >"$RUN_DIR/$name.pid"
}

start_docker() {
  need_root Docker
  command -v dockerd >/dev/null || fail "dockerd is not installed: run internal/setup/install.sh run."
  printf 'Starting Docker…\n'
  if has_systemd; then
    systemctl start docker || true
  else
    # Labs need none of Docker's own networking, and its iptables rules would drop bridged lab frames.
    detach dockerd dockerd --bridge=none --iptables=false --host="unix://$DOCKER_SOCKET"
  fi
  wait_for Docker dockerd docker_answers
}

start_ovs() {
  need_root 'Open vSwitch'
  command -v ovs-vswitchd >/dev/null || fail "Open vSwitch is not installed: run internal/setup/install.sh run."
  printf 'Starting Open vSwitch…\n'
  modprobe openvswitch >/dev/null 2>&1 || true
  if has_systemd; then
    systemctl start openvswitch-switch || true
  else
    start_ovs_by_hand
  fi
  wait_for 'Open vSwitch' ovs-vswitchd ovs_answers
}

start_ovs_by_hand() {
  mkdir -p "$LOG_DIR" /var/run/openvswitch "$(dirname "$OVS_DATABASE")" /var/log/openvswitch
  [ -s "$OVS_DATABASE" ] || ovsdb-tool create "$OVS_DATABASE" "$OVS_SCHEMA"
  if [ "$(ovsdb-tool needs-conversion "$OVS_DATABASE" "$OVS_SCHEMA")" = yes ]; then
    ovsdb-tool convert "$OVS_DATABASE" "$OVS_SCHEMA"
  fi
  if ! ovs_pid ovsdb-server >/dev/null; then
    detach ovsdb-server ovsdb-server "$OVS_DATABASE" --remote="punix:$OVS_SOCKET" --pidfile --unixctl=/var/run/openvswitch/ovsdb-server.ctl \
      --remote=db:Open_vSwitch,Open_vSwitch,manager_options -vconsole:warn
    wait_for "The Open vSwitch database" ovsdb-server ovsdb_answers
    ovs-vsctl --no-wait init
    ovs-vsctl --no-wait set Open_vSwitch . "ovs-version=$(ovs-vswitchd --version | sed -n '1s/.* //p')"
  fi
  if ! ovs_pid ovs-vswitchd >/dev/null; then
    detach ovs-vswitchd ovs-vswitchd "unix:$OVS_SOCKET" --pidfile -vconsole:warn
  fi
}

# stop NAME: ends the daemon that detach started, if that very process still lives.
stop_daemon() {
  local file=$RUN_DIR/$1.pid pid
  [ -s "$file" ] || return 0
  pid=$(<"$file")
  rm -f "$file"
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$1" ] || return 0
  kill "$pid"
  for _ in $(seq 200); do
    [ -d "/proc/$pid" ] || return 0
    sleep 0.1
  done
  printf 'trunkline: %s (process %s) does not end; look at %s/%s.log.\n' "$1" "$pid" "$LOG_DIR" "$1" >&2
  return 1
}

start() {
  docker_answers || start_docker
  ovs_answers || start_ovs
}

status() {
  local bad=0
  if docker_answers; then echo 'Docker answers.'; else
    echo 'Docker does not answer.'
    bad=1
  fi
  if ovs_answers; then echo 'Open vSwitch answers.'; else
    echo 'Open vSwitch does not answer.'
    bad=1
  fi
  return $bad
}

stop() {
  local bad=0 name
  for name in dockerd ovs-vswitchd ovsdb-server; do stop_daemon "$name" || bad=1; done
  return $bad
}

case ${1:-} in
  start | status | stop) "$1" ;;
  *) fail "usage: daemons.sh start|status|stop" ;;
esac
