// Package rules holds the house as tests: which room may import which, that
// every package says what it is, and how large a file may grow. It has no code
// of its own.
package rules
