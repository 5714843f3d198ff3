//go:build !linux

package main

import (
	"fmt"
	"os"
)

// The rows read /proc and other processes' CPU clocks.
func main() {
	fmt.Fprintln(os.Stderr, "bench: the benchmarks run on Linux only")
	os.Exit(1)
}
