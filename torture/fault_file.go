//go:build linux

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// unlinkByHolder is a fault that the clients commit themselves.
const unlinkByHolder = "unlink-by-holder"

func init() {
	addFault(&fault{
		name: "unlink", about: "lock file removed by another process", every: 60 * time.Millisecond, movesFiles: true, excuses: handOverMayFail,
		strike: forSomeFile(func(r *round, o object, _ *rand.Rand) error {
			return r.takeAway(o, func() error { return os.Remove(r.path(o)) })
		}),
	})
	addFault(&fault{
		name: "replace", about: "another file renamed to the lock file", every: 60 * time.Millisecond, movesFiles: true, excuses: handOverMayFail,
		strike: forSomeFile(func(r *round, o object, _ *rand.Rand) error {
			other := r.path(o) + ".lock"
			if err := os.WriteFile(other, nil, 0o666); err != nil {
				return err
			}
			return r.takeAway(o, func() error { return os.Rename(other, r.path(o)) })
		}),
	})
	addFault(&fault{
		name: "rename", about: "lock file renamed away, and mostly back", every: 150 * time.Millisecond, movesFiles: true, excuses: handOverMayFail,
		strike: forSomeFile(func(r *round, o object, rng *rand.Rand) error { return r.renameAway(o, rng) }),
	})
	addFault(&fault{
		name: unlinkByHolder, about: "lock file removed by the process that holds the lock", every: 500 * time.Millisecond, movesFiles: true, excuses: handOverMayFail,
		strike: func(*round, *rand.Rand) error { return nil }, // see client.unlink
	})
	addFault(&fault{
		name: "chmod", about: "mode of a lock file 000 for a while", every: 150 * time.Millisecond, leaves: os.Geteuid() != 0,
		strike: func(r *round, rng *rand.Rand) error {
			o := r.plan.objects[rng.IntN(len(r.plan.objects))]
			if o.kind != exclusiveLock && o.kind != sharedLock || o.hidden { // chmod follows links
				return nil
			}
			return r.chmodForAWhile(o, rng)
		},
		excuses: func(op *operation, o object) bool { // root may open the file in any case
			return !o.kind.isEvent() && op.acquires() && op.errno == int64(unix.EACCES)
		},
	})
}

// handOverMayFail excuses a lock that cannot be handed over, because its file is lost.
func handOverMayFail(op *operation, o object) bool { return o.fileMoves && op.op == opHandOver }

// forSomeFile returns a strike that hits one of the lock files that move.
func forSomeFile(do func(*round, object, *rand.Rand) error) func(*round, *rand.Rand) error {
	return func(r *round, rng *rand.Rand) error {
		var moving []object
		for _, o := range r.plan.objects {
			if o.fileMoves && !o.staying {
				moving = append(moving, o)
			}
		}
		if len(moving) == 0 {
			return nil
		}
		return unlessMissed(do(r, moving[rng.IntN(len(moving))], rng))
	}
}

// takeAway does something that takes the lock file away from its path for ever. It records
// that, if it is certain which file it was: one that was open before and has no name now.
func (r *round) takeAway(o object, do func() error) error {
	fd, err := unix.Open(r.path(o), unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return unlessMissed(err)
	}
	defer closeLater(fd)
	if err := do(); err != nil {
		return err
	}
	r.isGone(o, fd)
	return nil
}

// keepInode keeps the inode of a file that is about to be removed.
func keepInode(path string) {
	if fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err == nil {
		closeLater(fd)
	}
}

// closeLater closes a removed file after some ticks of the file system's clock. A new file
// could get its inode before, with the same time of birth: then two files had one identity.
func closeLater(fd int) { time.AfterFunc(50*time.Millisecond, func() { unix.Close(fd) }) }

// unlessMissed returns errMissed for what another fault has caused: there is no such file, or
// the disk is full or read-only.
func unlessMissed(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.EROFS) || errors.Is(err, unix.ENOSPC) {
		return errMissed
	}
	return err
}

// whenWritable does what undoes a fault. If another fault has made the disk read-only, it waits
// for the end of that.
func whenWritable(do func() error) error {
	err := do()
	for errors.Is(err, unix.EROFS) {
		time.Sleep(100 * time.Microsecond)
		err = do()
	}
	return err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// isGone records that an open file has no name any more.
func (r *round) isGone(o object, fd int) {
	id, named, err := identifyOpen(fd)
	if err == nil && !named {
		r.isAbsent(absence{o.number, id, span{now(), never}})
	}
}

func (r *round) isAbsent(a absence) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.absences = append(r.absences, a)
}

// renameAway renames the lock file, and back after a while: over the file that another
// process has made meanwhile.
func (r *round) renameAway(o object, rng *rand.Rand) error {
	away := fmt.Sprintf("%s.%d.lock", r.path(o), rng.Uint32())
	if err := os.Rename(r.path(o), away); err != nil {
		return err
	}
	from := now()
	id, err := identify(away)
	if err != nil {
		return err
	}
	x := rng.Float64()
	r.pause(time.Duration(x * x * float64(300*time.Millisecond)))
	if rng.IntN(3) == 0 {
		r.isAbsent(absence{o.number, id, span{from, never}})
		keepInode(away)
		return os.Remove(away)
	}
	r.isAbsent(absence{o.number, id, span{from, now()}})
	back := func() error { return os.Rename(away, r.path(o)) }
	if _, err := os.Lstat(r.path(o)); err != nil {
		return back()
	}
	return r.takeAway(o, back)
}

// chmodForAWhile forbids to open the lock file.
func (r *round) chmodForAWhile(o object, rng *rand.Rand) error {
	err := os.Chmod(r.path(o), 0)
	if err == nil {
		r.pause(time.Duration(rng.Int64N(int64(100 * time.Millisecond))))
		err = whenWritable(func() error { return os.Chmod(r.path(o), 0o666) })
	}
	return unlessMissed(err)
}

// unlink removes the lock file while this client holds the lock.
func (c *client) unlink(l locker, a record) {
	c.do(record{Op: opUnlink, Hold: a.Hold, File: a.File, Born: a.Born}, func(r *record) {
		keepInode(c.path(c.object))
		if err := ignoreMissing(os.Remove(c.path(c.object))); err != nil {
			r.fail(err)
			return
		}
		r.Result = ok
		if id, named, err := identifyOpen(heldFile(l)); err == nil && !named { // and not another file, that was there
			c.history.write(record{Time: now(), Client: c.number, Kind: offPath, Objects: c.object.mask(), File: id.file, Born: id.born})
		}
	})
	if c.chance(40) { // the others must go on with a new file
		c.sleep(3 * time.Second)
	}
}
