#!/bin/bash
# agent-container.sh [IMAGE] [FLAG…]: run the compute-host agent in a container, with what it needs of this machine and no more.
#
#   internal/setup/agent-container.sh trunkline/agent --controller https://lab.example.org --token tlj_…
#
# The agent works on the machine it runs on: on its Docker engine, its Open vSwitch and its network namespaces. So it shares the machine's
# network and process ids, and the folders below under the names they have outside. docs/hosts.md says what each capability is for.
#
# NAME, STATE, DOCKER_SOCKET and OVS_RUN change the name of the container and what is shared.
set -euo pipefail

image=${1:-trunkline/agent}
shift || true
name=${NAME:-trunkline-agent}
state=${STATE:-/var/lib/trunkline}
docker=${DOCKER_SOCKET:-/var/run/docker.sock}
ovs=${OVS_RUN:-/var/run/openvswitch}

capabilities=(NET_ADMIN NET_RAW NET_BIND_SERVICE SYS_ADMIN SYS_PTRACE DAC_OVERRIDE KILL)
flags=()
for capability in "${capabilities[@]}"; do
  flags+=(--cap-add "$capability")
done

mkdir -p "$state" /run/netns
chmod 711 "$state"
# Namespaces that the agent makes in its /run/netns must appear in the machine's, and outlive the container.
findmnt --noheadings --output PROPAGATION --target /run/netns | grep -q '^shared' || { mount --bind /run/netns /run/netns && mount --make-shared /run/netns; }

exec docker run --detach --name "$name" --restart unless-stopped \
  --network host --pid host --cap-drop ALL "${flags[@]}" \
  --security-opt no-new-privileges --security-opt apparmor=unconfined --security-opt seccomp=unconfined --security-opt systempaths=unconfined \
  --env TRUNKLINE_HOST_STATE="$state/host" \
  --env https_proxy --env http_proxy --env no_proxy \
  --volume "$docker:/var/run/docker.sock" \
  --volume "$ovs:/var/run/openvswitch" \
  --volume "$state:$state" \
  --volume /lib/modules:/lib/modules:ro \
  --mount type=bind,src=/run/netns,dst=/run/netns,bind-propagation=rshared \
  "$image" "$@"
