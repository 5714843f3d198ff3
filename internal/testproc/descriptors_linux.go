package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Descriptors are those of this process, one on each line, with the files behind them.
func Descriptors(t testing.TB) string {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil { // otherwise it was Glob's own
			fmt.Fprintln(&all, filepath.Base(name), to)
		}
	}
	return all.String()
}
