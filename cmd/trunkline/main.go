// Command trunkline is the controller, the compute host and the client in one program.
package main

import "trunkline/internal/cli"

// Version is set when building; see the Makefile.
var Version = "dev"

func main() { cli.Main(rootCommand()) }
