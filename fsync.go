// Package fsync gives names to locks, semaphores and events in a directory. All
// processes that open the directory share them. It does what the Manager of
// Python's multiprocessing does, without a server process.
//
//	m, err := fsync.Open("/run/backup")
//	lock, err := m.NewLock("nightly")
//	done, err := m.NewEvent("done")
//
// See [filelock.Lock], [filelock.Semaphore] and [fileevent.Event] for what each
// of them guarantees.
package fsync

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/cwd"
)

// Manager gives names to locks, semaphores and events in one directory. [Open]
// makes one. A Manager holds no resources, and many goroutines may use it. The
// zero value has no directory: Dir returns an empty text, and the other methods return an
// error.
//
// A name is a file name without a path. It is not empty and has at most 240
// bytes, all of them printable UTF-8. It neither begins nor ends with a dot or a
// space, contains none of / \ < > : " | ? *, and is not a device name of Windows
// such as NUL. For any other name the error is [fs.ErrInvalid] and says what is
// wrong. On a file system that ignores case, names ignore case too.
type Manager struct {
	dir  string
	in   cwd.Dir // the working directory of Open; it matters if dir is relative
	perm fs.FileMode
}

// An Option changes what [Open] does.
type Option func(*Manager)

// Perm sets the mode, before umask, of the directories that Open makes. Without
// this option it is 0o777; fsync-lock makes its directories with 0o700. Open
// does not change the mode of a directory that exists.
//
// A user who may search the directory and read a lock file in it may hold that lock, and so
// keep others out. A user who may write the directory may also set and clear its
// events, and remove any file.
func Perm(mode fs.FileMode) Option { return func(m *Manager) { m.perm = mode.Perm() } }

// Open returns the Manager of a directory. If the directory or one above it is
// missing, Open makes it. The error is an [*fs.PathError] if that fails, or if
// the path leads to something that is not a directory.
//
// Open makes a relative path absolute, with the kernel's path of the working
// directory. So the Manager keeps its directory if the program changes the working
// directory. If the program may not search one of the directories above, the path
// stays relative, and the methods of the Manager fail once the program has changed
// the working directory.
func Open(dir string, opts ...Option) (*Manager, error) {
	if dir == "" {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: fmt.Errorf("%w: the directory has no name", fs.ErrInvalid)}
	}
	m := &Manager{perm: 0o777}
	for _, opt := range opts {
		opt(m)
	}
	path, in, err := cwd.At(dir)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: dir, Err: err}
	}
	m.dir, m.in = in.Abs(path), in
	if err := os.MkdirAll(m.dir, m.perm); err != nil {
		return nil, err
	}
	info, err := os.Stat(m.dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: m.dir, Err: syscall.ENOTDIR}
	}
	return m, nil
}

// Dir returns the path of the directory. It is absolute unless the program may not
// use the absolute path; see [Open].
func (m *Manager) Dir() string { return m.dir }

// NewLock returns the lock of that name: the file NAME.lock in the directory. It
// does no I/O. The error is [fs.ErrInvalid] if the name is invalid.
func (m *Manager) NewLock(name string, opts ...filelock.Option) (*filelock.Lock, error) {
	path, err := m.path(name, ".lock")
	if err != nil {
		return nil, err
	}
	return filelock.New(path, opts...), nil
}

// NewSemaphore returns the semaphore of that name: the directory NAME.sem in
// the directory. It does no I/O. The error is [fs.ErrInvalid] if the name is
// invalid or slots is less than 1. If slots is too large, or the semaphore
// exists with another number of slots, the first Acquire returns an error;
// [filelock.Semaphore.Resize] changes the number.
func (m *Manager) NewSemaphore(name string, slots int, opts ...filelock.Option) (*filelock.Semaphore, error) {
	path, err := m.path(name, ".sem")
	if err != nil {
		return nil, err
	}
	if slots < 1 {
		return nil, &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w: a semaphore of %d slots", fs.ErrInvalid, slots)}
	}
	return filelock.NewSemaphore(path, slots, opts...), nil
}

// NewEvent returns the event of that name. Its marker is the file NAME.event in
// the directory. It does no I/O. The error is [fs.ErrInvalid] if the name is
// invalid.
func (m *Manager) NewEvent(name string, opts ...fileevent.Option) (*fileevent.Event, error) {
	path, err := m.path(name, ".event")
	if err != nil {
		return nil, err
	}
	return fileevent.New(path, opts...), nil
}

func (m *Manager) path(name, suffix string) (string, error) {
	if m.dir == "" {
		return "", &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: the Manager was not made by Open", fs.ErrInvalid)}
	}
	if err := checkName(name); err != nil {
		return "", err
	}
	dir, err := m.here()
	if err != nil {
		return "", err
	}
	return cwd.Join(dir, name+suffix), nil
}

// here returns a path that leads to the directory now.
func (m *Manager) here() (string, error) {
	dir, err := m.in.Path(m.dir)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: m.dir, Err: err}
	}
	return dir, nil
}
