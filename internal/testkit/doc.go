// Package testkit starts the real program for tests and benches: a controller with a compute host on temporary data, on this
// machine's engine and switch or on a test host that has its own.
//
// It knows processes, namespaces, ready files and waits for named conditions, and it looks at what is left by other means than the
// program's own. It refuses to know what is tested.
package testkit
