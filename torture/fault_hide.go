//go:build linux

package main

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Other things are in the place of a lock file for some time, and then the lock file is there
// again. No process may lock the other thing. So for the checks the lock file is one that
// stays: only that an acquisition may fail while the file is hidden, see hiding.
func init() {
	addFault(&fault{
		name: "link", about: "symbolic link in the place of a lock file for microseconds, again and again", every: 60 * time.Millisecond, hides: true,
		setup: func(r *round) (undo func(), err error) {
			f, err := r.otherLock()
			return func() { f.Close() }, err
		},
		strike: forSomeHidden(func(r *round, o object, rng *rand.Rand) error {
			return r.hide(o, linkInPlace, func(at string) error { return os.Symlink(r.otherLockPath(), at) }, func(again func()) {
				for end := time.Now().Add(30 * time.Millisecond); time.Now().Before(end) && !r.isOver(); {
					r.pause(time.Duration(rng.Int64N(int64(100 * time.Microsecond))))
					again()
				}
			})
		}),
		excuses: findsNoLockFile,
	})
	addFault(&fault{
		name: "fifo", about: "FIFO or directory of a semaphore in the place of a lock file; at times for seconds, while the first waiter is stopped", every: 300 * time.Millisecond, hides: true,
		strike: forSomeHidden(func(r *round, o object, rng *rand.Rand) error {
			put := makeSemaphoreDir
			if rng.IntN(2) == 0 {
				put = makeFIFO
			}
			if rng.IntN(3) > 0 {
				length := time.Duration(rng.Int64N(int64(20 * time.Millisecond)))
				return r.hide(o, otherInPlace, put, func(func()) { r.pause(length) })
			}
			return r.behindFirstWaiter(o, func() error {
				return r.hide(o, otherInPlace, put, func(func()) { r.pause(hiddenFor) })
			})
		}),
		slows:   time.Second, // a waiter looks once a second
		excuses: findsNoLockFile,
	})
}

// hiddenFor is long enough for waiters to notice that there is nothing to wait for.
const hiddenFor = 2500 * time.Millisecond

// A hiding is a time in which something else may have been in the place of a lock file. If it
// was no link, it was there all the time between the two spans.
type hiding struct {
	object      int
	by          hiddenBy
	begins, end span
}

// What hides a lock file.
type hiddenBy uint8

const (
	linkInPlace  hiddenBy = 1 << iota // a link to a file that another process has locked
	otherInPlace                      // a FIFO, or the directory of a semaphore
)

// all is when the lock file may have been hidden.
func (h hiding) all() span { return span{h.begins.from, h.end.to} }

// certain is when it certainly was, unless by a link.
func (h hiding) certain() span { return span{h.begins.to, h.end.from} }

// findsNoLockFile excuses an acquisition while there is no lock file that can be locked: it is
// refused (notALockFile). So is a hand-over to another process. And the holders of the lock are
// not found.
func findsNoLockFile(op *operation, _ object) bool {
	refused := (op.isAcquisition() || op.op == opAdopt) && op.errno == notALockFile
	return op.hidden != 0 && (refused || op.op == opHandOver || op.op == opHolders)
}

// forSomeHidden returns a strike that hits one of the lock files that are hidden at times.
func forSomeHidden(do func(*round, object, *rand.Rand) error) func(*round, *rand.Rand) error {
	return func(r *round, rng *rand.Rand) error {
		for _, i := range rng.Perm(len(r.plan.objects)) {
			if o := r.plan.objects[i]; o.hidden {
				r.hides.Lock() // two faults do not hide one file
				defer r.hides.Unlock()
				return unlessMissed(do(r, o, rng))
			}
		}
		return errMissed
	}
}

// hide puts something else in the place of the lock file while f runs. f may call again, which
// brings the lock file back for a moment. The two files change places in one step, so at no
// moment is there nothing.
func (r *round) hide(o object, by hiddenBy, put func(at string) error, f func(again func())) (err error) {
	path := r.path(o)
	other := filepath.Join(filepath.Dir(path), "hidden.lock")
	defer func() { err = errors.Join(err, whenWritable(func() error { return os.RemoveAll(other) })) }()
	if err := put(other); err != nil {
		return err
	}
	h := hiding{object: o.number, by: by}
	if h.begins, err = exchange(path, other); err != nil {
		return err
	}
	f(func() {
		for range 2 {
			_, again := exchangeBack(path, other)
			err = errors.Join(err, again)
		}
	})
	end, last := exchangeBack(path, other)
	h.end = end
	r.mu.Lock()
	defer r.mu.Unlock()
	r.files.hidings = append(r.files.hidings, h)
	return errors.Join(err, last)
}

// exchange lets two files change places.
func exchange(a, b string) (span, error) {
	from := now()
	err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE)
	return span{from, now()}, err
}

// exchangeBack exchanges two files.
func exchangeBack(a, b string) (s span, err error) {
	from := now()
	err = whenWritable(func() error {
		s, err = exchange(a, b)
		return err
	})
	return span{from, s.to}, err
}

// fileFaults are what was done to lock files and gates in a round.
type fileFaults struct {
	hidings     []hiding
	leases      []lease
	occupations []occupation
}

// hide notes which operations may have met something else in the place of their lock file.
func (s *story) hide(files fileFaults) {
	s.files = files
	for _, op := range s.operations {
		for _, h := range files.hidings {
			if op.objects&(1<<h.object) != 0 && op.overlaps(h.all()) {
				op.hidden |= h.by
			}
		}
	}
}

// otherLock returns a lock file that this process has locked, for links.
func (r *round) otherLock() (*os.File, error) {
	f, err := os.Create(r.otherLockPath())
	if err == nil {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	return f, err
}

func (r *round) otherLockPath() string { return filepath.Join(r.dir, "other.lock") }

// makeSemaphoreDir makes the directory of a semaphore with one slot.
func makeSemaphoreDir(at string) error {
	err := os.Mkdir(at, 0o755)
	if err == nil {
		err = os.WriteFile(filepath.Join(at, "slots"), []byte("1\n"), 0o644)
	}
	return err
}

func makeFIFO(at string) error { return unix.Mkfifo(at, 0o666) }
