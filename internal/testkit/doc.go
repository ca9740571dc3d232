// Package testkit starts the real program for tests and benches: a controller with a compute host on temporary data.
//
// It knows processes, ready files and waits for named conditions. It refuses to know what is tested.
package testkit
