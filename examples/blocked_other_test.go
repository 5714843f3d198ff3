//go:build !linux

package examples_test

import "testing"

// awaitBlocked does nothing: only Linux tells which processes are blocked on a
// lock. The tests pass without it, but find fewer faults.
func awaitBlocked(*testing.T, string, int) {}
