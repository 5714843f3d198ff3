//go:build !linux

package main

import (
	"fmt"
	"os"
)

// The measurements need /proc and the CPU clocks of other processes.
func main() {
	fmt.Fprintln(os.Stderr, "bench: the benchmarks run on Linux only")
	os.Exit(1)
}
