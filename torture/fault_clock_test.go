//go:build linux

package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFileTimes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.lock")
	if err := stepTimes(path, time.Hour); err != errMissed {
		t.Errorf("of a missing file: %v", err)
	}
	must(t, os.WriteFile(path, nil, 0o666))
	must(t, stepTimes(path, -240*time.Hour))
	at, err := os.Stat(path)
	must(t, err)
	if age := time.Since(at.ModTime()); age < 239*time.Hour {
		t.Errorf("the file is %v old", age)
	}
}
