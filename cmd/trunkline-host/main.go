// Command trunkline-host is the compute-host agent alone: static, without cgo and SQL.
package main

import "trunkline/internal/cli"

// Version is set when building; see the Makefile.
var Version = "dev"

func main() {
	root := cli.HostCommand("trunkline-host", Version)
	root.Version = Version
	cli.Main(root)
}
