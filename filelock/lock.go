package filelock

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// Lock is a lock on a file, held against all other processes, and against
// every other Lock of this one, that lock the same file.
//
// A Lock is made by [New]; the zero value names no file and fails. It must not
// be copied. It may be used by many goroutines: an exclusive Lock is held once
// at a time, so a second Acquire waits as it would on a [sync.Mutex], and any
// goroutine may release what another has acquired. A shared Lock may be held
// several times at once, and each hold wants its own Release; as with
// [sync.RWMutex], an Acquire of it goes behind an exclusive one that waits, so
// a goroutine that holds it must not wait for it again. An exclusive Lock, too,
// has more than one hold if its path has come to name another file, because the
// first was removed or replaced, or because the working directory has changed.
//
// The lock is not re-entrant: a goroutine that acquires what it holds waits
// for itself. It cannot be upgraded or downgraded: a kernel that converts a
// lock gives the old one up first (flock(2)).
//
// A hold that is never released lasts until the process ends, however it
// ends; it is not lost when the Lock itself is garbage collected.
type Lock struct{ core }

// Shared makes a shared lock: any number of shared locks can be held at once,
// but none together with an exclusive one. Readers share, writers do not.
func Shared() Option { return func(c *config) { c.shared = true } }

// Perm sets the mode, before umask, that a lock file gets if this Lock creates
// it. It is 0o666 without this option, so that the umask decides who may lock:
// whoever can open the file for reading can lock it. The mode of a file that
// exists is left alone.
func Perm(mode fs.FileMode) Option { return func(c *config) { c.perm = mode.Perm() } }

// Note says something about the holds, such as a job's name, for [Lock.Holders]
// to show. Every process that may read the lock file can read it. It is shown of
// exclusive holds of semaphores and of files that are called NAME.lock only,
// and only once they have lasted for some milliseconds; a long note is cut.
func Note(text string) Option { return func(c *config) { c.note = text } }

// NoRecord keeps this package from writing who holds the lock into its file. A
// program that executes another one in its place while it holds the lock has
// nobody left to remove the record.
func NoRecord() Option { return func(c *config) { c.noRecord = true } }

// New returns a lock on the file or directory at path. It does no I/O: the
// first Acquire opens the file, and creates it, empty, if it is missing. The
// directory it is in must exist.
//
// A relative path begins in the working directory at the time of each Acquire,
// as the kernel knows it: the value of $PWD does not matter, and the directory
// may be renamed. If the program changes its working directory during a wait,
// the wait goes on for the file that it began with, by the absolute path of the
// former directory. If that path leads elsewhere by then, or may not be used,
// the wait ends with an [*fs.PathError] that says so. A program that changes its
// working directory at the very moment that a call begins may get the lock of
// either directory.
func New(path string, opts ...Option) *Lock {
	l := new(Lock)
	l.init(path, opts)
	return l
}

// aim returns what one acquisition is after.
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
	return want{given: l.given, path: t.key(), any: []target{t}, gate: gate}, nil
}

// seen returns what is to be looked at.
func (l *Lock) seen() (want, error) { return l.aim() }

// Path returns the path that the Lock was made with.
func (l *Lock) Path() string { return l.given }

// Acquire takes the lock, waiting for it until ctx ends. How it waits, and in
// which order, is said above, in the package's documentation.
//
// A ctx that has ended fails even when the lock is free. A wait that reached
// its deadline has made one last try. An error leaves nothing held; it is
//
//   - a [*LockedError] if the wait was in vain: errors.Is finds [ErrLocked]
//     and the cause in it;
//   - otherwise an [*fs.PathError] that says why the file cannot be locked, at
//     once: there is no waiting for a directory to appear or for a permission
//     to be given. errors.Is finds [errors.ErrUnsupported] in it on a file
//     system without locks, and [fs.ErrInvalid] if there is something at the
//     path that cannot be a lock file, such as a FIFO or the directory of a
//     semaphore, or without [AnyFile] a symbolic link or a device.
func (l *Lock) Acquire(ctx context.Context) error { return l.acquire(ctx, l.aim) }

// TryAcquire takes the lock if that needs no waiting, and reports whether it
// did. False without an error means that somebody holds it: another process,
// another Lock, or this one. It may overtake those who wait. After a wait of
// this process has been given up it may take some milliseconds.
func (l *Lock) TryAcquire() (bool, error) { return l.tryFor(0, l.aim) }

// TryAcquireFor takes the lock, waiting for it no longer than d, and reports
// whether it did. With d <= 0 it is one try. False without an error means that
// the time ran out, by the monotonic clock, which on some systems, such as
// Linux, stands still while the machine is suspended; for other errors see
// [Lock.Acquire].
func (l *Lock) TryAcquireFor(d time.Duration) (bool, error) { return l.tryFor(d, l.aim) }

// Release gives up one hold, the oldest if there are several. The file stays
// where it is: removing it would let two holders in. The hold ends for every
// process that inherited it, too.
//
// The error is [ErrNotHeld] if this Lock holds nothing. After any other error
// the lock is still held.
func (l *Lock) Release() error { return l.release() }

// Leave gives up this process's part in one hold, the oldest if there are
// several. Other than Release, it leaves the hold to the processes that
// inherited it, and releases the lock only if there are none. The record of the
// hold stays in the file if a process can be seen that inherited it, and is
// removed otherwise.
//
// Descriptors that File returned are parts of the hold too, until they are
// closed. The error is [ErrNotHeld] if this Lock holds nothing.
func (l *Lock) Leave() error { return l.leave() }

// With runs fn while it holds the lock. It acquires as [Lock.Acquire] does and
// does not run fn if that fails; it releases when fn returns, panics or calls
// [runtime.Goexit]. The error is that of Acquire, or those of fn and of
// Release joined. The lock does not end with ctx: fn has to heed it.
func (l *Lock) With(ctx context.Context, fn func(context.Context) error) error {
	return with(ctx, fn, l.Acquire, l.Release)
}

// File returns a duplicate of the held file, for [os/exec.Cmd.ExtraFiles]: a
// process that inherits it shares the hold, and the lock is held until the
// last of them has ended or one of them, such as this process by Release, has
// unlocked it. The caller closes the duplicate; closing it releases nothing.
//
// The error is [ErrNotHeld] if this Lock holds nothing, and
// [errors.ErrUnsupported] on Windows, where locks are not inherited.
func (l *Lock) File() (*os.File, error) { return l.file() }
