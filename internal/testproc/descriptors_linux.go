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

// NewDescriptors lists the open descriptors that are not in before, a list of Descriptors.
// Descriptors of before may be closed: the pipes of an earlier test's process are closed a
// moment after the process has ended.
func NewDescriptors(t testing.TB, before string) string {
	t.Helper()
	known := map[string]bool{}
	for line := range strings.Lines(before) {
		known[line] = true
	}
	var added strings.Builder
	for line := range strings.Lines(Descriptors(t)) {
		if !known[line] {
			added.WriteString(line)
		}
	}
	return added.String()
}
