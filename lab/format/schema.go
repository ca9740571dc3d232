package format

import "trunkline/lab"

// Schema describes one place of a lab file for whoever writes it: which fields it may have, or which values.
type Schema struct {
	Doc    string             `json:"doc,omitempty"`    // in a few words
	Fields map[string]*Schema `json:"fields,omitempty"` // of a mapping
	Each   *Schema            `json:"each,omitempty"`   // of the values of a mapping whose keys are names, or of the items of a list
	List   bool               `json:"list,omitempty"`   // Each is of items
	Values []string           `json:"values,omitempty"` // what people mostly write there
	Names  string             `json:"names,omitempty"`  // "nodes": a node's name stands there; "endpoints": node:interface
}

// FileSchema is the schema of a whole file. Fields that are read and left out are not in it.
func FileSchema() *Schema {
	node := nodeSchema()
	return &Schema{Fields: map[string]*Schema{
		"name":   {Doc: "of the lab"},
		"prefix": {Doc: "of container names; kept for containerlab"},
		"mgmt": {Doc: "a segment that every node joins with eth0", Fields: map[string]*Schema{
			"network": {}, "ipv4-subnet": {Doc: "such as 172.20.20.0/24, or none"}, "ipv4-gw": {}, "ipv6-subnet": {Doc: "or none"}, "ipv6-gw": {}, "mtu": {},
		}},
		"topology": {Fields: map[string]*Schema{
			"defaults": {Doc: "for every node", Fields: node.Fields},
			"kinds":    {Doc: "for all nodes of a kind", Each: node},
			"groups":   {Doc: "for all nodes of a group", Each: node},
			"nodes":    {Each: node},
			"links":    {List: true, Each: linkSchema()},
			"addressing": {Doc: "pools from which addresses are filled in", Fields: map[string]*Schema{
				"mode": {Values: []string{"fill", "off"}}, "loopbacks": {Fields: poolFields()}, "links": {Fields: poolFields()}, "lans": {Fields: poolFields()},
			}},
		}},
	}}
}

func poolFields() map[string]*Schema {
	return map[string]*Schema{"ipv4": {Doc: "such as 10.0.0.0/16, or none"}, "ipv6": {Doc: "such as fd00::/48, or none"}}
}

func nodeSchema() *Schema {
	bool := []string{"true", "false"}
	fields := map[string]*Schema{
		"kind":           {Values: kindNames},
		"group":          {Doc: "whose fields it takes"},
		"image":          {Doc: "of its container", Values: []string{lab.Linux.DefaultImage(), lab.Router.DefaultImage(), lab.DHCP.DefaultImage(), lab.DNS.DefaultImage()}},
		"cmd":            {Doc: "instead of the image's"},
		"entrypoint":     {Doc: "instead of the image's"},
		"exec":           {Doc: "commands run once it is up"},
		"env":            {Doc: "environment variables", Each: &Schema{}},
		"env-files":      {Doc: "files of environment variables"},
		"binds":          {Doc: "files of the lab's folder in the node: file:/path or file:/path:ro"},
		"startup-config": {Doc: "configuration of a router, as a file or as text"},
		"user":           {Doc: "that its command runs as"},
		"hostname":       {},
		"labels":         {Each: &Schema{}},
		"cpu":            {Doc: "cores, such as 0.5"},
		"memory":         {Doc: "such as 256MiB"},
		"shm-size":       {},
		"sysctls":        {Each: &Schema{}},
		"cap-add":        {Values: lab.Capabilities},
		"ports":          {},
		"dns":            {Fields: map[string]*Schema{"servers": {}, "search": {}, "options": {}}},
		"mgmt-ipv4":      {Doc: "its address in the management segment"},
		"mgmt-ipv6":      {},
		"network-mode":   {Doc: "none: no management interface", Values: []string{"none"}},
		"restart-policy": {Values: []string{"no", "on-failure", "always", "unless-stopped"}},
		"startup-delay":  {Doc: "seconds"},
		"auto-start":     {Values: bool},
		"stages":         {Doc: "what it waits for, and what runs when", Fields: stageSchemas()},
		"healthcheck":    {Fields: map[string]*Schema{"test": {}, "interval": {}, "timeout": {}, "start-period": {}, "retries": {}}},
		"egress":         {Doc: "its own way out, by NAT", Values: bool},
		"internet":       {Doc: "of kind internet", Fields: map[string]*Schema{"subnet": {Doc: "the gateway's address with its length"}, "dhcp": {Values: bool}}},
		"external":       {Doc: "of kind external", Fields: map[string]*Schema{"network": {Doc: "as the administrator called it"}, "vlan": {}}},
		"interfaces":     {Doc: "addresses and switch ports, by name", Each: interfaceSchema()},
		"switch":         switchSchema(),
		"routing":        routingSchema(),
	}
	return &Schema{Fields: fields}
}

func stageSchemas() map[string]*Schema {
	stages := map[string]*Schema{}
	for _, name := range stageNames {
		stages[name] = &Schema{Fields: map[string]*Schema{
			"wait-for": {List: true, Each: &Schema{Fields: map[string]*Schema{"node": {Names: "nodes"}, "stage": {Values: stageNames}}}},
			"exec":     {List: true, Each: &Schema{Fields: map[string]*Schema{"command": {}, "phase": {Values: []string{"on-enter", "on-exit"}}}}},
		}}
	}
	return stages
}

func interfaceSchema() *Schema {
	return &Schema{Fields: map[string]*Schema{
		"addresses": {Doc: "such as 10.0.0.1/24"}, "mac": {}, "mtu": {},
		"access": {Doc: "VLAN of untagged frames"}, "trunk": {Doc: "VLANs that pass with their tags"}, "native": {Doc: "VLAN of untagged frames on a trunk"},
		"stp": {Fields: map[string]*Schema{"priority": {}, "cost": {}, "edge": {Values: []string{"true", "false"}}}}, "down": {Values: []string{"true", "false"}},
	}}
}

func switchSchema() *Schema {
	return &Schema{Doc: "of kind switch", Fields: map[string]*Schema{
		"stp": {Values: []string{"stp", "rstp"}}, "priority": {Doc: "the lowest becomes the root"}, "hello": {}, "max-age": {}, "forward-delay": {},
		"mac-age": {}, "mac-table": {},
		"mirrors":  {List: true, Each: &Schema{Fields: map[string]*Schema{"ports": {}, "vlans": {}, "direction": {Values: []string{"both", "in", "out"}}, "to": {Doc: "the port that sees the copies"}}}},
		"openflow": {Fields: map[string]*Schema{"controller": {Doc: "a node, or tcp:ADDRESS:PORT", Names: "nodes"}, "via": {Names: "nodes"}, "fail": {Values: []string{"secure", "standalone"}}}},
	}}
}

func routingSchema() *Schema {
	redistribute := []string{"connected", "static", "ospf", "bgp"}
	return &Schema{Fields: map[string]*Schema{
		"router-id": {}, "static": {List: true, Each: &Schema{Fields: map[string]*Schema{"to": {Doc: "a network, or default"}, "via": {}, "dev": {}}}},
		"ospf": {Fields: map[string]*Schema{"areas": {Doc: "area to interfaces or networks"}, "redistribute": {Values: redistribute}, "passive": {}, "point-to-point": {}, "hello": {}, "dead": {}}},
		"bgp": {Fields: map[string]*Schema{"as": {}, "networks": {}, "redistribute": {Values: redistribute},
			"neighbors": {List: true, Each: &Schema{Fields: map[string]*Schema{"address": {}, "as": {}, "next-hop-self": {Values: []string{"true"}}, "route-reflector-client": {Values: []string{"true"}}, "update-source": {}}}}}},
	}}
}

func linkSchema() *Schema {
	way := map[string]*Schema{"rate": {Doc: "such as 10mbit"}, "delay": {Doc: "such as 20ms"}, "jitter": {}, "loss": {Doc: "such as 1%"}, "duplicate": {}, "reorder": {}, "corrupt": {}}
	impair := map[string]*Schema{"a-to-b": {Fields: way}, "b-to-a": {Fields: way}}
	for name, s := range way {
		impair[name] = s
	}
	end := &Schema{Names: "endpoints", Fields: map[string]*Schema{"node": {Names: "nodes"}, "interface": {}, "mac": {}, "ipv4": {}, "ipv6": {}}}
	return &Schema{Fields: map[string]*Schema{
		"endpoints": {Doc: "two of node:interface", List: true, Each: end}, "endpoint": end,
		"type": {Values: []string{"veth", "dummy", "mgmt-net"}}, "mtu": {}, "labels": {Each: &Schema{}}, "vars": {}, "ipv4": {Doc: "one for each end"}, "ipv6": {},
		"impair": {Doc: "what it does to frames", Fields: impair}, "cut": {Values: []string{"true", "false"}},
		"flap": {Doc: "down again and again", Fields: map[string]*Schema{"every": {Doc: "such as 10s"}, "down": {Doc: "such as 1s"}}},
	}}
}
