// Package acceptance holds the tests that start the real program, as people start it, and break what it stands on: the process, the
// engine, the switch, the disk, the input.
//
// It knows commands, exit codes, pages and what a machine looks like afterwards. It refuses to know the program's packages beyond the
// words its API speaks: what is proven here is proven from the outside.
package acceptance
