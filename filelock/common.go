package filelock

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// common is what Lock and Semaphore have in common: a path, and the holds on it. Both
// embed it, and so have its exported methods.
type common struct {
	given  string // the path as given to New
	isSlot bool   // the lock files are slots of a semaphore
	config
	makeRequest func(create bool) (request, error) // nil for a zero Lock or Semaphore

	mu           sync.Mutex // guards the fields below
	holds        []*hold
	gate         *gate // the gate of the path that was last used
	lockedBefore bool  // the path of gate has been locked before
}

func (c *common) init(path string, opts []Option, makeRequest func(create bool) (request, error)) {
	c.given, c.perm, c.makeRequest = path, 0o666, makeRequest
	for _, opt := range opts {
		opt(&c.config)
	}
}

// request returns the request of one acquisition. If the directory of a semaphore is
// missing, request creates it if create is true; otherwise the request has no files.
func (c *common) request(create bool) (request, error) {
	if c.makeRequest == nil {
		return request{}, &fs.PathError{Op: "open", Err: errEmptyPath}
	}
	return c.makeRequest(create)
}

// Path returns the path that was given to New or NewSemaphore.
func (c *common) Path() string { return c.given }

// Acquire takes the lock, or the slot that becomes free first, and waits for it until
// ctx ends. The documentation of the package says how and in which order it waits.
//
// If ctx has ended already, Acquire fails even when the lock is free. When ctx ends,
// the wait ends, usually within a millisecond; at a deadline, Acquire tries once more. It
// may need some milliseconds to find the holders for its error; TryAcquireFor does not
// search for them. After an error the call holds nothing and waits for nothing. The error
// is
//
//   - a [*LockedError] if ctx ended during the wait: it is [ErrLocked] and the
//     cause of ctx;
//   - otherwise an [*fs.PathError] with the reason. If the file cannot be locked,
//     Acquire fails at once: it does not wait for a directory to appear or for a
//     permission. The error is [errors.ErrUnsupported] on a file system without
//     locks. It is [fs.ErrInvalid] if the path names no possible lock file, such
//     as a FIFO, the directory of a semaphore, or, without [AnyFile], a symbolic
//     link or a device; and if it names a semaphore with another number of slots.
func (c *common) Acquire(ctx context.Context) error { return c.acquire(ctx, c.request) }

// TryAcquire takes the lock or a slot if it is free, and reports whether it did. False
// without an error means that the lock, or every slot, is held, by another process or
// by this one, or that another process has a lease on the file (fcntl(2)). TryAcquire
// may overtake waiters.
func (c *common) TryAcquire() (bool, error) { return c.TryAcquireFor(0) }

// TryAcquireFor takes the lock or a slot, waits for it no longer than d, and reports
// whether it took it. With d <= 0 it is TryAcquire. False without an error means that
// the time ran out. The clock is monotonic; on some systems, such as Linux, it stops
// while the machine is suspended. For errors see Acquire.
func (c *common) TryAcquireFor(d time.Duration) (bool, error) {
	how := request.try
	if d > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		how = func(r request) (*hold, error) { return r.acquire(ctx) }
	}
	_, err := c.take(c.request, how)
	if err == errBusy {
		return false, nil
	}
	return err == nil, err
}

// Release ends one hold, the oldest if there are several, also for every process
// that inherited it. The lock file stays: to remove it would let two holders in.
//
// The error is [ErrNotHeld] if there is no hold. After any other error the lock is
// still held.
func (c *common) Release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return c.notHeld("release")
	}
	// If the lock file was replaced while it was locked, there may be a hold on the old
	// file and a hold on the new file. Only the newer hold still excludes other processes,
	// so it is released last.
	if err := c.holds[0].release(); err != nil {
		return err
	}
	c.removeOldest()
	return nil
}

// Leave gives up this process's part in one hold, the oldest if there are
// several. Unlike Release, it does not end the hold for processes that inherited
// it; if there are none, the lock is released, and the record is removed.
//
// A file that File returned keeps the hold until it is closed. The error is
// [ErrNotHeld] if there is no hold. After any other error the Lock has given up the hold,
// but the file may stay locked until the process ends.
func (c *common) Leave() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return c.notHeld("leave")
	}
	err := c.holds[0].leave()
	c.removeOldest()
	return err
}

func (c *common) removeOldest() {
	c.holds = slices.Delete(c.holds, 0, 1)
	c.gate.sweepLeft()
}

// With acquires the lock or a slot, runs fn, and releases it when fn returns, panics or
// calls [runtime.Goexit]. If Acquire fails, With returns its error and does not run fn;
// otherwise it returns the errors of fn and Release, joined. The end of ctx does not
// release the lock: fn has to watch ctx itself.
func (c *common) With(ctx context.Context, fn func(context.Context) error) (err error) {
	if err := c.Acquire(ctx); err != nil {
		return err
	}
	defer func() {
		if releaseErr := c.Release(); releaseErr != nil {
			err = errors.Join(err, releaseErr)
		}
	}()
	return fn(ctx)
}

// File returns a duplicate of the held file, for [os/exec.Cmd.ExtraFiles]. A
// process that inherits it shares the hold, and makes a Lock of it with [Adopt].
// The hold lasts until the last of these processes has ended, or until one of them
// unlocks the file, as Release does. The caller closes the duplicate; that does not
// release the lock.
//
// A Semaphore returns the file of the slot that it acquired last, while Release gives up
// the one that it acquired first. So use one Semaphore for each process that inherits a
// slot.
//
// The error is [ErrNotHeld] if there is no hold, and [errors.ErrUnsupported] on Windows,
// where a lock cannot be inherited.
func (c *common) File() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return nil, c.notHeld("duplicate")
	}
	h := c.holds[len(c.holds)-1]
	f, err := h.osFile()
	if err == nil {
		f, err = duplicate(f)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "duplicate", Path: c.given, Err: err}
	}
	h.inheritable = true
	h.recordNow()
	return f, nil
}

func (c *common) notHeld(op string) error {
	return &fs.PathError{Op: op, Path: c.given, Err: ErrNotHeld}
}

// acquire is Acquire for what makeRequest returns.
func (c *common) acquire(ctx context.Context, makeRequest func(create bool) (request, error)) error {
	if ctx.Err() != nil {
		return endedError(ctx, c.given)
	}
	r, err := c.take(makeRequest, func(r request) (*hold, error) { return r.acquire(ctx) })
	if err != errBusy {
		return err
	}
	return newLockedError(ctx, c.given, r.current().state(false).LikelyHolders()) // not thorough: the deadline has passed
}

// take acquires what makeRequest returns, again if the semaphore was resized meanwhile.
func (c *common) take(makeRequest func(create bool) (request, error), how func(request) (*hold, error)) (request, error) {
	var waits sync.Once // one wait, however often it begins again
	for {
		r, err := makeRequest(true)
		if err != nil {
			return r, err
		}
		if c.onWait != nil {
			r.onWait = func() { waits.Do(c.onWait) }
		}
		h, err := how(r)
		if err == nil {
			err = c.keep(r, h)
		}
		if err != errResized {
			return r, err
		}
	}
}

// keep adds a new hold. If it is a slot that the semaphore does not have any more, keep
// releases it and returns errResized.
func (c *common) keep(r request, h *hold) error {
	if r.semaphore != nil {
		if err := r.semaphore.verifySlot(r, h); err != nil {
			h.release()
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records(h) {
		h.recordLater(c.note)
	}
	if c.noRecord { // the caller may call execve(2) at once, so the gate goes now
		c.gate.sweepLeft()
	}
	h.keep()
	c.holds = append(c.holds, h)
	c.lockedBefore = true
	return nil
}

// records reports whether the hold gets a record. Only a file that is certainly a lock
// file gets one: by its name, or because the user gives it a note.
func (c *common) records(h *hold) bool {
	return h.regular && !c.shared && !c.noRecord &&
		(c.isSlot || c.note != "" || filepath.Ext(h.fl.Path()) == ".lock")
}

// lockFile returns the lockFile for a path, with the options of c, and its gate.
func (c *common) lockFile(path, gatePath string, base cwd.Dir) (lockFile, *gate) {
	f := lockFile{path: path, base: base, shared: c.shared, perm: c.perm, anyFile: c.anyFile}
	if filepath.IsAbs(gatePath) {
		base = cwd.Dir{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gate == nil || c.gate.of != base.Key(gatePath) {
		c.gate, c.lockedBefore = gateOf(gatePath, base, c.perm), false
	}
	f.lockedBefore = c.lockedBefore && !c.anyFile
	return f, c.gate
}
