//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// A bench measures rows. It owns their directories and processes.
type bench struct {
	ctx       context.Context
	scale     scale
	dir       string // for lock files
	markerDir string // for markers
	exe       string // this program, which also plays the roles
	log       io.Writer
	versions  map[string]string
	missing   map[string]error // why a peer cannot run
	paths     int              // made so far
	procs     []*proc          // of the current measurement
}

// memoryDir is the directory for markers, if it is a tmpfs. On a disk, the time
// to create a file after others were removed changes by the minute, and would
// hide the differences between the peers.
const memoryDir = "/dev/shm"

// newBench makes a bench whose lock files and markers are in dir. If dir is
// empty, lock files are in the system's temporary directory and markers in
// memoryDir.
func newBench(ctx context.Context, s scale, dir string, log io.Writer) (*bench, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	b := &bench{ctx: ctx, scale: s, exe: exe, log: log, versions: map[string]string{}, missing: map[string]error{}}
	if b.dir, err = os.MkdirTemp(dir, "fsync-bench-"); err != nil {
		return nil, err
	}
	b.markerDir = b.dir
	if dir == "" && fileSystem(memoryDir) == "tmpfs" {
		if b.markerDir, err = os.MkdirTemp(memoryDir, "fsync-bench-"); err != nil {
			return nil, errors.Join(err, os.Remove(b.dir))
		}
	}
	for _, peer := range allPeers {
		v, err := version(ctx, peer)
		if err != nil {
			b.missing[peer] = err
			fmt.Fprintf(log, "not run: %s: %v\n", peer, err)
			continue
		}
		b.versions[peer] = v
	}
	return b, nil
}

func (b *bench) close() {
	b.killAll()
	os.RemoveAll(b.dir)
	os.RemoveAll(b.markerDir)
}

func (b *bench) killAll() {
	for _, p := range b.procs {
		p.kill()
	}
	b.procs = nil
}

// lockPath returns a new path for a lock file, with a name that juju/mutex accepts.
func (b *bench) lockPath(row string) string {
	b.paths++
	return filepath.Join(b.dir, fmt.Sprintf("%s-%d.lock", row, b.paths))
}

// markerPath returns a new path for an event, in a new directory.
func (b *bench) markerPath(row string) (string, error) {
	b.paths++
	dir := filepath.Join(b.markerDir, fmt.Sprintf("%s-%d", row, b.paths))
	return filepath.Join(dir, "marker"), os.Mkdir(dir, 0o777)
}

// run measures a row. Each round measures all peers, one after the other, and
// begins with another peer than the round before.
func (b *bench) run(r row) result {
	res := result{row: r, rounds: map[string][]sample{}, failed: map[string]error{}}
	for _, peer := range r.peers {
		if err := b.missing[peer]; err != nil {
			res.failed[peer] = err
		}
	}
	n := r.rounds(b.scale)
	for round := range n {
		for i := range r.peers {
			peer := r.peers[(i+round)%len(r.peers)]
			if res.failed[peer] != nil {
				continue
			}
			s, err := b.measure(r, peer)
			if b.ctx.Err() != nil { // the end of ctx is the cause of any other error
				err = context.Cause(b.ctx)
			}
			if err != nil {
				res.failed[peer] = err
				fmt.Fprintf(b.log, "%s %d/%d %s: %v\n", r.name, round+1, n, peer, err)
				continue
			}
			res.rounds[peer] = append(res.rounds[peer], s)
			fmt.Fprintf(b.log, "%s %d/%d %s: %s\n", r.name, round+1, n, peer, summary(r, s))
		}
	}
	return res
}

// measure measures a peer once and ends all processes that this started.
func (b *bench) measure(r row, peer string) (sample, error) {
	defer b.killAll()
	if b.ctx.Err() != nil {
		return sample{}, context.Cause(b.ctx)
	}
	s, err := r.measure(b, peer)
	if err == nil && len(s.values) == 0 {
		err = errors.New("measured nothing")
	}
	return s, err
}

// summary returns a line with all figures of one sample.
func summary(r row, s sample) string {
	var shown []string
	for _, f := range r.figures {
		if s.values[f.key] == nil {
			continue
		}
		shown = append(shown, f.name+" "+f.unit.format(f.of(s)))
	}
	if s.note != "" {
		shown = append(shown, s.note)
	}
	return strings.Join(shown, ", ")
}

// role starts a process that plays a role with a peer's lock or event on a path.
// The process runs this program, or a Python script for a peer in Python.
func (b *bench) role(role, peer, path string, args ...any) (*proc, error) {
	return b.start(b.roleCommand(role, peer, path, args...))
}

func (b *bench) roleCommand(role, peer, path string, args ...any) *exec.Cmd {
	words := []string{role, peer, path}
	for _, arg := range args {
		words = append(words, fmt.Sprint(arg))
	}
	if module := pythonPackage[peer]; module != "" {
		words[1] = module
		return exec.CommandContext(b.ctx, python, append([]string{"-I", "-c", lockScript}, words...)...)
	}
	if kind := pythonEvent[peer]; kind != "" {
		words[1] = kind
		return exec.CommandContext(b.ctx, python, append([]string{"-I", "-c", eventScript}, words...)...)
	}
	cmd := exec.CommandContext(b.ctx, b.exe, words...)
	cmd.Env = append(os.Environ(), roleVar+"=1")
	return cmd
}

// holder starts a process that holds the lock until it is killed or its input is
// closed, and returns when it holds the lock.
func (b *bench) holder(peer, path string) (*proc, error) {
	p, err := b.role("hold", peer, path)
	if err != nil {
		return nil, err
	}
	return p, p.expect("held")
}
