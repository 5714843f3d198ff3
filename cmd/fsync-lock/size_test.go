package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A release is one static binary of at most 4 MB.
func TestSize(t *testing.T) {
	t.Parallel()
	testproc.SkipLong(t) // it compiles Go's packages again, without cgo
	testproc.Need(t, "go")
	binary := filepath.Join(t.TempDir(), "fsync-lock")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", binary, ".")
	build.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d bytes", info.Size())
	if info.Size() > 4e6 {
		t.Errorf("%d bytes", info.Size())
	}
	file, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, p := range file.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("it needs a dynamic linker: %v", p.Type)
		}
	}
}
