//go:build linux

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// command returns the path of one of the project's commands. The first call
// builds it as users get it: static, stripped, and with the dependencies of the
// main module.
func (b *bench) command(name string) (string, error) {
	path, err := filepath.Abs(filepath.Join(b.dir, name))
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	dir, err := exec.CommandContext(b.ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/fsync-lock/fsync").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	build := exec.CommandContext(b.ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, "./cmd/"+name)
	build.Dir = strings.TrimSpace(string(dir))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build %s: %w: %s", name, err, out)
	}
	return path, nil
}

// A wrapper is a program that runs a command while it holds a lock: flock(1) or
// fsync-lock.
type wrapper struct {
	path    string
	options []string
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

func (w wrapper) cmd(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, w.path, slices.Concat(w.options, args)...)
}

// holdCommand is the command of a wrapper that holds a lock. It prints "running"
// and ends when it reads a line.
var holdCommand = []string{"sh", "-c", "echo running; read line"}

// startWrapper starts a wrapper that runs holdCommand when it holds the lock.
func (b *bench) startWrapper(peer, path string, options ...string) (*proc, error) {
	w, err := b.wrapper(peer)
	if err != nil {
		return nil, err
	}
	return b.start(w.cmd(b.ctx, slices.Concat(options, []string{path}, holdCommand)...))
}

// holdingWrapper starts a wrapper and returns when it holds the lock.
func (b *bench) holdingWrapper(peer, path string) (*proc, error) {
	p, err := b.startWrapper(peer, path)
	if err != nil {
		return nil, err
	}
	return p, p.expect("running")
}

// waitingWrappers starts a wrapper that holds the lock and n wrappers that wait
// for it.
func (b *bench) waitingWrappers(n int, peer, path string) (waiters []*proc, err error) {
	if _, err := b.holdingWrapper(peer, path); err != nil {
		return nil, err
	}
	for range n {
		p, err := b.startWrapper(peer, path)
		if err != nil {
			return nil, err
		}
		waiters = append(waiters, p)
	}
	return waiters, nil
}
