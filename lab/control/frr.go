package control

import "trunkline/lab"

func renderRouting(n *lab.Node) string { return "" }
