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

// A core is what Lock and Semaphore are made of: a path, and the holds on it.
type core struct {
	given  string // the path as given to New
	isSlot bool   // the lock files are slots of a semaphore
	config

	mu    sync.Mutex // guards the fields below
	holds []*handle
	gate  *gate // the gate of the path that was last used
	seen  bool  // that path has been locked before
}

// A config is what the options set.
type config struct {
	shared  bool
	perm    fs.FileMode
	note    string
	anyFile bool
	onWait  func()

	noRecord bool
}

// An Option configures a [Lock] or a [Semaphore].
type Option func(*config)

func (c *core) init(path string, opts []Option) {
	c.given, c.perm = path, 0o666
	for _, opt := range opts {
		opt(&c.config)
	}
}

// acquire is Acquire for the want that aim returns.
func (c *core) acquire(ctx context.Context, aim func() (want, error)) error {
	if ctx.Err() != nil {
		return endedError(ctx, c.given)
	}
	w, err := c.take(aim, func(w want) (*handle, error) { return w.acquire(ctx) })
	if err != errBusy {
		return err
	}
	return locked(ctx, c.given, w.now().state(false).Suspects()) // not thorough: the deadline has passed
}

// tryFor is TryAcquireFor for the want that aim returns, and TryAcquire if d <= 0.
// It tries at least once.
func (c *core) tryFor(d time.Duration, aim func() (want, error)) (bool, error) {
	how := want.try
	if d > 0 {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		how = func(w want) (*handle, error) { return w.acquire(ctx) }
	}
	_, err := c.take(aim, how)
	if err == errBusy {
		return false, nil
	}
	return err == nil, err
}

// take acquires what aim returns, again if the semaphore was resized meanwhile.
func (c *core) take(aim func() (want, error), how func(want) (*handle, error)) (want, error) {
	for {
		w, err := aim()
		if err != nil {
			return w, err
		}
		h, err := how(w)
		if err = c.keep(w, h, err); err != errResized {
			return w, err
		}
	}
}

// keep adds an acquired handle to the holds.
func (c *core) keep(w want, h *handle, err error) error {
	if err != nil {
		return err
	}
	if w.still != nil {
		if err := w.still(h); err != nil {
			h.release()
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records(h) {
		h.announce(c.note)
	}
	if c.noRecord { // this program may be replaced at once: later is too late
		c.gate.sweepLeft()
	}
	h.keep()
	c.holds = append(c.holds, h)
	c.seen = true
	return nil
}

// records reports whether the hold gets a record: only in a file that was made to be a
// lock file, or that the user says is one.
func (c *core) records(h *handle) bool {
	return h.regular && !c.shared && !c.noRecord &&
		(c.isSlot || c.note != "" || filepath.Ext(h.fl.Path()) == ".lock")
}

// release ends the oldest hold. If the lock file was replaced while it was locked,
// there may be a hold on the old file and one on the new file. Only the newer hold
// still excludes other processes, so it is released last.
func (c *core) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return &fs.PathError{Op: "release", Path: c.given, Err: ErrNotHeld}
	}
	if err := c.holds[0].release(); err != nil {
		return err
	}
	c.holds = slices.Delete(c.holds, 0, 1)
	c.gate.sweepLeft()
	return nil
}

// leave is Leave.
func (c *core) leave() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return &fs.PathError{Op: "leave", Path: c.given, Err: ErrNotHeld}
	}
	err := c.holds[0].leave()
	c.holds = slices.Delete(c.holds, 0, 1)
	c.gate.sweepLeft()
	return err
}

// with is With for a pair of Acquire and Release.
func with(ctx context.Context, fn func(context.Context) error, acquire func(context.Context) error, release func() error) (err error) {
	if err := acquire(ctx); err != nil {
		return err
	}
	defer func() {
		if releaseErr := release(); releaseErr != nil {
			err = errors.Join(err, releaseErr)
		}
	}()
	return fn(ctx)
}

func (c *core) file() (*os.File, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return nil, &fs.PathError{Op: "duplicate", Path: c.given, Err: ErrNotHeld}
	}
	h := c.holds[len(c.holds)-1]
	f, err := h.open()
	if err == nil {
		f, err = duplicate(f)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "duplicate", Path: c.given, Err: err}
	}
	h.given = true
	h.recordNow()
	return f, nil
}

// target returns the target for a path, with the options of the core, and its gate.
func (c *core) target(path, gatePath string, dir cwd.Dir) (target, *gate) {
	t := target{path: path, dir: dir, shared: c.shared, perm: c.perm, anyFile: c.anyFile}
	c.mu.Lock()
	defer c.mu.Unlock()
	if filepath.IsAbs(gatePath) {
		dir = cwd.Dir{}
	}
	if c.gate == nil || c.gate.of != dir.Key(gatePath) {
		c.gate, c.seen = gateOf(gatePath, dir, c.perm), false
	}
	t.known = c.seen && !c.anyFile
	return t, c.gate
}
