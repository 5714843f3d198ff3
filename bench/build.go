//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// command returns the path of one of the project's commands, which it builds
// when it is first asked for, as it is given to people: static and stripped.
func (b *bench) command(name string) (string, error) {
	path := filepath.Join(b.dir, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "github.com/fsync-lock/fsync/cmd/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", name, err, out)
	}
	return path, nil
}

// A wrapper is a program that runs commands under a lock: flock(1), or ours in
// its place.
type wrapper struct {
	path string
	args []string // before the operands
}

func (b *bench) wrapper(peer string) (wrapper, error) {
	switch peer {
	case flockCommand:
		path, err := exec.LookPath("flock")
		return wrapper{path: path}, err
	case oursJournal:
		path, err := b.command("fsync-lock")
		return wrapper{path, []string{"--journal", filepath.Join(b.dir, "journal.jsonl")}}, err
	}
	path, err := b.command("fsync-lock")
	return wrapper{path: path}, err
}

func (w wrapper) on(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, w.path, append(w.args[:len(w.args):len(w.args)], args...)...)
}
