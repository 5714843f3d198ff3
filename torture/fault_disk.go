//go:build linux

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"golang.org/x/sys/unix"
)

func init() {
	full := &smallDisk{}
	addFault(&fault{
		name: "full-disk", about: "the file system of most objects, a small tmpfs, is full", every: 300 * time.Millisecond,
		why: full.impossible, setup: full.setup, prepare: full.prepare, entersNamespace: true, overtakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			empty, err := fill(r.fillPath(), rng.IntN(2) == 0)
			if err != nil {
				return errors.Join(err, empty())
			}
			x := rng.Float64()
			r.pause(time.Duration(x * x * float64(400*time.Millisecond)))
			return empty()
		},
		excuses: func(op *operation, o object) bool { return cannotWrite(op, o, unix.ENOSPC) },
	})
	readOnly := &smallDisk{}
	addFault(&fault{
		name: "read-only-disk", about: "the file system of most objects, a small tmpfs, is read-only", every: 300 * time.Millisecond,
		why: readOnly.impossible, setup: readOnly.setup, prepare: readOnly.prepare, entersNamespace: true, freezes: true, leaves: true, overtakes: true,
		strike: func(r *round, rng *rand.Rand) error {
			x := rng.Float64()
			return readOnly.remountForAWhile(r, time.Duration(x*x*float64(400*time.Millisecond)))
		},
		excuses: func(op *operation, o object) bool { return cannotWrite(op, o, unix.EROFS) },
	})
}

// cannotWrite excuses what must write: a Set, a Clear or a take, an acquisition if the lock
// file is missing, because other faults or a Resize remove it, and peers that open it for
// writing.
func cannotWrite(op *operation, o object, why unix.Errno) bool {
	if op.errno != int64(why) {
		return false
	}
	takes := op.op == opTake || op.op == opTakeAll || op.op == opWait && o.kind == autoEvent // in a wait for any of several events
	return op.op == opSet || op.op == opClear || op.op == opUnlink || op.op == opReplace || op.op == opResize || takes || op.isAcquisition() && (o.fileMoves || o.resized || op.flags&byPeer != 0)
}

// A smallDisk is a tmpfs in a mount namespace, which all processes of the round enter. The
// objects of the directory still are on it.
type smallDisk struct{ in *namespace }

func (d *smallDisk) impossible() error {
	n, err := newNamespace(false, true)
	if err != nil {
		return err
	}
	defer n.end()
	return n.ask("mount", "tmpfs", "/tmp", "size=64k")
}

func (d *smallDisk) setup(r *round) (undo func(), err error) {
	n, err := newNamespace(false, true)
	if err != nil {
		return nil, err
	}
	undo = func() {
		r.in = nil
		n.end()
	}
	if err = n.ask("mount", "tmpfs", stillPath(r), "size=1m,nr_inodes=1000,mode=755"); err == nil {
		d.in, r.in = n, n
		err = r.createObjects()
	}
	if err != nil {
		undo()
	}
	return undo, err
}

func stillPath(r *round) string { return filepath.Join(objectsPath(r.dir), "still") }

func (r *round) fillPath() string { return filepath.Join(r.objects(), "still", "fill.lock") }

func (d *smallDisk) prepare(_ *round, p *process) { d.in.enter(p.cmd) }

// createObjects uses each object once, so that its files are there.
func (r *round) createObjects() (err error) {
	for _, o := range r.plan.objects {
		switch {
		case o.kept: // Clear would take the marker away
		case o.kind.isEvent():
			e := fileevent.New(r.path(o))
			err = errors.Join(err, e.Set(), e.Clear())
		case o.kind == semaphore:
			s := filelock.NewSemaphore(r.path(o), o.permit)
			_, err2 := s.TryAcquire()
			err = errors.Join(err, err2, s.Release())
		default:
			l := filelock.New(r.path(o))
			_, err2 := l.TryAcquire()
			err = errors.Join(err, err2, l.Release())
		}
	}
	return err
}

// fill writes a file system full: with one file and, if inodes, with many. They are in a
// directory of their own, so they wake no process that watches the objects.
func fill(dir string, inodes bool) (empty func() error, err error) {
	empty = func() error { return os.RemoveAll(dir) }
	if err := os.Mkdir(dir, 0o755); err != nil {
		return empty, ignoreFull(err)
	}
	f, err := os.Create(filepath.Join(dir, "big"))
	for err == nil {
		_, err = f.Write(make([]byte, 4096))
	}
	if f != nil {
		f.Close()
	}
	if err = ignoreFull(err); err != nil || !inodes {
		return empty, err
	}
	for i := 0; err == nil; i++ {
		var fd int
		if fd, err = unix.Open(filepath.Join(dir, fmt.Sprint(i)), unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o666); err == nil {
			unix.Close(fd)
		}
	}
	return empty, ignoreFull(err)
}

func ignoreFull(err error) error {
	if errors.Is(err, unix.ENOSPC) {
		return nil
	}
	return err
}

// remountForAWhile makes the file system read-only. That fails while some process has a file
// open for writing, so it is tried again for a while.
func (d *smallDisk) remountForAWhile(r *round, length time.Duration) error {
	err := d.in.ask("read-only", stillPath(r))
	for end := time.Now().Add(time.Second); errors.Is(err, unix.EBUSY) && time.Now().Before(end) && !r.isOver(); {
		r.pause(100 * time.Microsecond)
		err = d.in.ask("read-only", stillPath(r))
	}
	if errors.Is(err, unix.EBUSY) {
		return errMissed
	}
	if err != nil {
		return err
	}
	r.pause(length)
	return d.in.ask("writable", stillPath(r))
}
