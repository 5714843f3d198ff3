package testproc

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Descriptors lists the open descriptors of this process and their files, one on each line.
func Descriptors(t testing.TB) string {
	t.Helper()
	names, err := filepath.Glob("/proc/self/fd/*")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil { // an error: it was the descriptor of Glob itself
			fmt.Fprintln(&all, filepath.Base(name), to)
		}
	}
	return all.String()
}
