package format_test

// everything uses each field we know at least once.
const everything = `
name: everything
prefix: ""
mgmt: {network: m, ipv4-subnet: 172.20.5.0/24, ipv4-gw: 172.20.5.1, ipv6-subnet: none, mtu: 1400}
topology:
  defaults:
    kind: linux
    image: alpine:3
    env: {A: "1", B: two}
    exec: [echo defaults]
    sysctls: {net.ipv4.ip_forward: 1}
  kinds:
    router:
      env: {B: router}
      exec: [echo kind]
  groups:
    core:
      env: {C: group}
      cpu: 1.5
  nodes:
    r1:
      kind: router
      group: core
      image: ""
      env: {D: node}
      exec: [echo node, "echo defaults"]
      interfaces:
        lo: 10.1.1.1/32
        eth1: {addresses: [10.0.0.1/24, "2001:db8::1/64"], mtu: 1400, mac: "02:00:00:00:00:09"}
      routing:
        router-id: 10.1.1.1
        static: [{to: default, via: 10.0.0.9}, {to: 10.9.0.0/16, dev: eth1}]
        ospf:
          areas: {0.0.0.0: [eth1], "1": [lo]}
          redistribute: [connected]
          passive: [lo]
          point-to-point: [eth1]
          hello: 1
          dead: 4
        bgp:
          as: 65001
          neighbors:
            - {address: 10.0.0.2, as: 65002, next-hop-self: true, update-source: lo}
            - {address: 10.0.0.3, as: 65001, route-reflector-client: true}
          networks: [10.1.1.0/24]
          redistribute: [connected, ospf]
      startup-config: |
        hostname r1
        ! a line with ${NOT_OURS}
    h1:
      cmd: sh -c "sleep 1 && echo 'done'"
      entrypoint: /bin/sh -e
      binds: [a/b.conf:/etc/b.conf:ro, c:/c]
      startup-config: h1.cfg
      user: 1000
      hostname: host-one
      labels: {graph-posX: "12.5", graph-posY: -3, colour: red}
      memory: 512mb
      shm-size: 64MiB
      cap-add: [NET_ADMIN, cap_net_raw]
      ports: ["8080:80", "53:53/udp"]
      dns: {servers: [8.8.8.8], search: [lab], options: [rotate]}
      mgmt-ipv4: 172.20.5.9
      restart-policy: "no"
      startup-delay: 3
      auto-start: false
      egress: true
      healthcheck: {test: [CMD-SHELL, "true"], interval: 5, timeout: 1500ms, start-period: 3, retries: 2}
      stages:
        create:
          wait-for: [{node: r1, stage: configure}]
          exec: [{command: echo in, phase: on-enter}]
        exit:
          exec: [{command: echo out, phase: on-exit}]
    h2: {network-mode: none, exec: ['docker inspect -f {{"{{"}}.State}}', "echo $HOME ${HOME} $${X} $$Y"]}
    sw:
      kind: switch
      switch: {stp: rstp}
      interfaces:
        p1: {access: 10}
        p2: {trunk: [10, 20], native: 1}
    net: {kind: lan}
    out: {kind: internet, internet: {subnet: 10.77.0.1/24, dhcp: false}}
    campus: {kind: external, external: {network: campus-west, vlan: 120}}
    br0: {kind: bridge}
  links:
    - endpoints: [r1:eth1, h1:eth1]
      mtu: 1500
      ipv4: [10.0.0.5/24, ""]
      labels: {x: y}
      vars: {speed: 10, list: [a, 1.5, true, null]}
      impair: {rate: 10mbit, delay: 20ms, jitter: 1.5ms, loss: 1%, duplicate: 0.5%, reorder: 2, corrupt: 0.1%}
    - type: veth
      endpoints:
        - {node: h2, interface: eth1, mac: "02:00:00:00:00:01", ipv4: [10.3.0.1/24, 10.4.0.1/24], ipv6: "2001:db8:1::1/64"}
        - {node: sw, interface: p1}
      impair: {a-to-b: {delay: 5ms}, b-to-a: {rate: 1gbit}}
      cut: true
    - endpoints: [sw:p2, net:p2]
    - endpoints: [net:p3, out:eth1]
    - endpoints: [campus:p1, net:p4]
    - endpoints: [br0:eth9, h2:eth2]
    - {type: dummy, endpoint: {node: h1, interface: dum0, ipv4: 10.8.0.1/24}}
    - {type: mgmt-net, endpoint: {node: h2, interface: m0}, host-interface: h2m0}
    - endpoints: [h2:eth5, "host:veth5"]
`

// seeds start the fuzzer near the interesting places.
var seeds = []string{
	everything,
	"name: x\ntopology: {nodes: {a: {kind: linux, image: i}}}\n",
	"name: x\ntopology:\n  nodes: &n\n    a: &a {kind: linux, image: '${V:-i}', exec: ['${V}']}\n    b: *a\n    c: {<<: *a, cmd: 'x \"y'}\n  links: [{endpoints: [\"a:${V}\", 'b:eth1']}]\n",
	"a: &a [*a]\n",
	"{{ if .x }}name: y{{ end }}\n",
	"Duts: {}\n",
	"name: x\ntopology: {nodes: {'br|c': {kind: bridge}, c: {kind: linux, image: i}, h: {kind: host}}, links: [{endpoints: ['h:eth1', 'c:eth1']}, {endpoints: ['macvlan:x', 'c:eth2']}]}\n",
}
