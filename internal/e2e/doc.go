// Package e2e holds the tests that do what a person does: a real browser in front of the real program.
package e2e
