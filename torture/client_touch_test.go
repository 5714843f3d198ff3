//go:build linux

package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What other programs do makes a marker only if there is none, and leaves nothing else.
func TestForeignMarkers(t *testing.T) {
	t.Parallel()
	c := &client{number: 1}
	for what, make := range map[string]func(string) error{"touch": c.touch, "other content": c.writeOther} {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.event")
		must(t, make(path))
		if err := make(path); !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s, twice: %v", what, err)
		}
		if files, err := os.ReadDir(dir); len(files) != 1 || err != nil {
			t.Errorf("%s: %v, %v", what, files, err)
		}
	}
}

// WaitAll takes in the order of the paths. Two paths of one event count once.
func TestTakeOrder(t *testing.T) {
	t.Parallel()
	order := takeOrder([]string{"still/b.event", "still/a.event", "still-too/b.event", "other/c.event"})
	if len(order) != 3 || order[0] != "c.event" || order[1] != "b.event" || order[2] != "a.event" {
		t.Errorf("%q", order)
	}
}
