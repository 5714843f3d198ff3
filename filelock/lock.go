package filelock

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// Lock is a lock on a file. It excludes other processes that lock the same
// file, and other Locks of this process on that file.
//
// [New] makes a Lock; the zero value fails. A Lock must not be copied. Many
// goroutines may use one Lock, and any of them may release it.
//
// An exclusive Lock is held once at a time: a second Acquire waits, as on a
// [sync.Mutex]. It has several holds only if its path came to name another file
// meanwhile: the lock file was removed or replaced, or a relative path was used
// and the working directory changed.
//
// A shared Lock may be held several times at once, and each hold needs its own
// Release. As with [sync.RWMutex], Acquire waits behind an exclusive waiter, so a
// goroutine that holds the Lock must not acquire it again.
//
// A Lock is not re-entrant: a goroutine that acquires an exclusive Lock it holds
// waits for ever. A Lock cannot be upgraded or downgraded, because the kernel
// releases a lock before it converts it (flock(2)).
//
// A hold that is not released lasts until the process ends, even if the Lock is
// garbage collected.
type Lock struct{ core }

// Shared makes a shared (reader) lock. Any number of shared locks can be held
// at once, but none while an exclusive lock is held.
func Shared() Option { return func(c *config) { c.shared = true } }

// Perm sets the mode, before umask, of a lock file that this Lock creates. The
// default is 0o666: the umask decides which users may lock the file, since a
// user who may read it can lock it. The mode of an existing file does not
// change.
func Perm(mode fs.FileMode) Option { return func(c *config) { c.perm = mode.Perm() } }

// Note adds a text to the record of a hold, such as the name of a job;
// [Lock.Holders] shows it. Every process that may read the lock file can read
// the note. A long note is cut.
//
// The record is written into the lock file, whatever it is called, if the file is a
// regular file, is empty, and has one name. So do not give a note to a lock on a file
// that other programs write to, such as a log. A hold that is shared, or that lasts
// only some milliseconds, has no record.
func Note(text string) Option { return func(c *config) { c.note = text } }

// NoRecord keeps the record of the holder out of the lock file. It is for a
// program that replaces itself (execve(2)) while it holds the lock: the program
// that follows would not remove the record. Acquire also removes the gate before it
// returns, if no process waits for it.
func NoRecord() Option { return func(c *config) { c.noRecord = true } }

// OnWait makes Acquire, TryAcquireFor and With call f when they begin to wait, because
// another process holds the lock or waits for it. They call f in the goroutine of the
// caller, and before other processes can see the waiter. A call that gets the lock at
// once does not call f.
func OnWait(f func()) Option { return func(c *config) { c.onWait = f } }

// New returns a lock on the file or directory at path. It does no I/O. Acquire
// opens the file, and creates it, empty, if it is missing; its directory must
// exist.
//
// A relative path starts in the kernel's working directory at the time of each
// Acquire, not in $PWD, and the directory may be renamed. If the program changes
// its working directory during a wait, the wait goes on for the same file, by
// the absolute path of the former directory. If that path now leads elsewhere,
// or may not be used, the wait ends with an [*fs.PathError]. If the program
// changes its working directory just as a call begins, the call may lock the
// file in either directory.
func New(path string, opts ...Option) *Lock {
	l := new(Lock)
	l.init(path, opts)
	return l
}

// aim returns the want of one acquisition.
func (l *Lock) aim() (want, error) {
	path, dir, err := locate(l.given)
	if err != nil {
		return want{}, err
	}
	return l.aimAt(path, dir)
}

func (l *Lock) aimAt(path string, dir cwd.Dir) (want, error) {
	gatePath := path
	if l.anyFile {
		var err error
		if gatePath, err = gatedPath(path); err != nil {
			return want{}, err
		}
	}
	t, gate := l.target(path, gatePath, dir)
	t, err := t.now()
	if err != nil {
		return want{}, err
	}
	return want{given: l.given, path: t.key(), any: []target{t}, gate: gate, onWait: l.onWait}, nil
}

// seen returns the want of a look at the lock.
func (l *Lock) seen() (want, error) { return l.aim() }

// Path returns the path that the Lock was made with.
func (l *Lock) Path() string { return l.given }

// Acquire takes the lock and waits for it until ctx ends. The documentation of
// the package says how and in which order it waits.
//
// If ctx has ended already, Acquire fails even when the lock is free. When ctx ends,
// the wait ends, usually within a millisecond, and at a deadline it makes one last
// try. To find out which processes hold the lock may take some milliseconds more;
// TryAcquireFor does not ask. After an error the call holds nothing, and nothing of
// it goes on. The error is
//
//   - a [*LockedError] if ctx ended during the wait: it is [ErrLocked] and the
//     cause of ctx;
//   - otherwise an [*fs.PathError] with the reason. If the file cannot be locked,
//     Acquire fails at once: it does not wait for a directory to appear or for a
//     permission. The error is [errors.ErrUnsupported] on a file system without
//     locks. It is [fs.ErrInvalid] if the path names no possible lock file, such
//     as a FIFO, the directory of a semaphore, or, without [AnyFile], a symbolic
//     link or a device.
func (l *Lock) Acquire(ctx context.Context) error { return l.acquire(ctx, l.aim) }

// TryAcquire takes the lock if it is free, and reports whether it did. False
// without an error means that the lock is held, by another process, another
// Lock or this Lock, or that another process has a lease on the file (fcntl(2)).
// TryAcquire may overtake waiters.
func (l *Lock) TryAcquire() (bool, error) { return l.tryFor(0, l.aim) }

// TryAcquireFor takes the lock, waits for it no longer than d, and reports
// whether it took it. With d <= 0 it is [Lock.TryAcquire]. False without an error
// means that the time ran out. The clock is monotonic; on some systems, such as
// Linux, it stops while the machine is suspended. For errors see [Lock.Acquire].
func (l *Lock) TryAcquireFor(d time.Duration) (bool, error) { return l.tryFor(d, l.aim) }

// Release ends one hold, the oldest if there are several, also for every process
// that inherited it. The lock file stays: to remove it would let two holders in.
//
// The error is [ErrNotHeld] if this Lock holds nothing. After any other error
// the lock is still held.
func (l *Lock) Release() error { return l.release() }

// Leave gives up this process's part in one hold, the oldest if there are
// several. Unlike Release, it does not end the hold for processes that inherited
// it; if there are none, the lock is released, and the record is removed.
//
// A file that File returned keeps the hold until it is closed. The error is
// [ErrNotHeld] if this Lock holds nothing.
func (l *Lock) Leave() error { return l.leave() }

// With acquires the lock, runs fn, and releases the lock when fn returns, panics
// or calls [runtime.Goexit]. If [Lock.Acquire] fails, With returns its error
// and does not run fn; otherwise it returns the errors of fn and Release, joined.
// The end of ctx does not release the lock: fn has to watch ctx itself.
func (l *Lock) With(ctx context.Context, fn func(context.Context) error) error {
	return with(ctx, fn, l.Acquire, l.Release)
}

// File returns a duplicate of the held file, for [os/exec.Cmd.ExtraFiles]. A
// process that inherits it shares the hold, and makes a Lock of it with [Adopt].
// The hold lasts until the last of these processes has ended, or until one of them
// unlocks the file, as Release does. The caller closes the duplicate; that does not
// release the Lock.
//
// The error is [ErrNotHeld] if this Lock holds nothing, and
// [errors.ErrUnsupported] on Windows, where a lock cannot be inherited.
func (l *Lock) File() (*os.File, error) { return l.file() }
