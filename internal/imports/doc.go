// Package imports holds the tests that pin which package may know which, and that every package says what it is for.
package imports
