package filelock

import "github.com/fsync-lock/fsync/internal/cwd"

// Lock is a lock on a file. It excludes other processes that lock the same
// file, and other Locks of this process on that file.
//
// [New] makes a Lock; the zero value fails. A Lock must not be copied. Many
// goroutines may use one Lock, and any of them may release it.
//
// An exclusive Lock is held once at a time: a second Acquire waits, as on a
// [sync.Mutex]. There is one exception. During the hold, the path may come to name
// another file, because the lock file was removed or replaced, or because the path is
// relative and the working directory changed. Then a second Acquire locks that file.
//
// A shared Lock may be held several times at once, and each hold needs its own
// Release. As with [sync.RWMutex], Acquire waits behind an exclusive waiter, so a
// goroutine that holds the Lock must not acquire it again.
//
// A Lock is not re-entrant: a goroutine that acquires an exclusive Lock it holds
// waits forever. A Lock cannot be upgraded or downgraded, because the kernel
// releases a lock before it converts it (flock(2)).
//
// A hold that is not released lasts until the process ends, even if the Lock is
// garbage collected.
type Lock struct{ common }

// New returns a lock on the file or directory at path. It does no I/O. Acquire
// opens the file, and creates it, empty, if it is missing; its directory must
// exist.
//
// A relative path starts in the working directory that the kernel knows when Acquire
// begins, whatever $PWD says. That directory may be renamed meanwhile. If the program
// changes its working directory during a wait, Acquire goes on waiting for the same file,
// through the absolute path of the former directory. If that path leads to another
// directory or may not be used, Acquire returns an [*fs.PathError]. If the program changes
// its working directory just as a call begins, the call may lock the file in either
// directory.
func New(path string, opts ...Option) *Lock {
	l := new(Lock)
	l.init(path, opts, l.requestNow)
	return l
}

// requestNow returns the request for the path in the current working directory.
func (l *Lock) requestNow(bool) (request, error) {
	path, base, err := locate(l.given)
	if err != nil {
		return request{}, err
	}
	return l.requestAt(path, base)
}

func (l *Lock) requestAt(path string, base cwd.Dir) (request, error) {
	gatePath := path
	if l.anyFile {
		var err error
		if gatePath, err = gatedPath(path); err != nil {
			return request{}, err
		}
	}
	f, gate := l.lockFile(path, gatePath, base)
	f, err := f.current()
	if err != nil {
		return request{}, err
	}
	return request{given: l.given, key: f.key(), files: []lockFile{f}, gate: gate}, nil
}
