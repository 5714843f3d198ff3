// Package fsync gives names to locks, semaphores and events that unrelated
// processes share through a directory. It does what the Manager of Python's
// multiprocessing does, without a server process: whoever opens the same
// directory has the same locks, semaphores and events.
//
//	m, err := fsync.Open("/run/backup")
//	lock, err := m.NewLock("nightly")
//	done, err := m.NewEvent("done")
//
// What they promise is said in [filelock.Lock], [filelock.Semaphore] and
// [fileevent.Event].
package fsync

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/cwd"
)

// Manager is a directory that names locks, semaphores and events. It is made by [Open],
// holds no resources, and may be used by many goroutines. The zero value has no
// directory, and whatever it is asked for is an error.
//
// A name is a file name without a path: not empty, at most 240 bytes of UTF-8
// that can be printed, neither beginning nor ending in a dot or a space, without any of / \ < > : " | ? *, and not a device name of Windows
// such as NUL. Anything else is an error that says what is wrong with it and
// is [fs.ErrInvalid]. Where the file system ignores case, so do names.
type Manager struct {
	dir  string
	in   cwd.Dir // that dir begins in, if it is not absolute
	perm fs.FileMode
}

// An Option changes what [Open] does.
type Option func(*Manager)

// Perm sets the mode, before umask, of a directory that Open makes. Without
// this option it is 0o777; fsync-lock makes its directories with 0o700. The
// mode of a directory that exists is left alone.
//
// Whoever may read the directory may hold its locks and so keep others out;
// whoever may write it may also set and clear its events, and remove anything.
func Perm(mode fs.FileMode) Option { return func(m *Manager) { m.perm = mode.Perm() } }

// Open returns the Manager of a directory, and makes the directory, and those
// above it, if it is missing. The error is an [*fs.PathError] if that fails,
// or if something else than a directory is there.
//
// A relative path is made absolute by the kernel's name of the working
// directory, so the Manager stays with its directory when the program changes
// the working directory. Where the program may not use that name, because it may
// not search one of the directories above, the path stays relative. Such a
// Manager serves as long as the program stays where it is; afterwards its
// methods fail.
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
	m.dir = in.Reach(path)
	if !filepath.IsAbs(m.dir) {
		m.in = in
	}
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

// Dir returns the path of the directory: an absolute one, unless the program may
// not use it (see [Open]).
func (m *Manager) Dir() string { return m.dir }

// NewLock returns the lock of that name, the file NAME.lock in the directory.
// The error is [fs.ErrInvalid] if the name is; nothing is opened yet.
func (m *Manager) NewLock(name string, opts ...filelock.Option) (*filelock.Lock, error) {
	path, err := m.path(name, ".lock")
	if err != nil {
		return nil, err
	}
	return filelock.New(path, opts...), nil
}

// NewSemaphore returns the semaphore of that name, the directory NAME.sem in
// the directory. The error is [fs.ErrInvalid] if the name is, or if there is
// to be less than one slot; nothing is opened yet. That there may not be so
// many slots, or that there are others, is an error of the first Acquire.
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

// NewEvent returns the event of that name, whose marker is the file
// NAME.event in the directory. The error is [fs.ErrInvalid] if the name is;
// nothing is opened yet.
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
	return cwd.Within(dir, name+suffix), nil
}

// here returns how the directory is reached now.
func (m *Manager) here() (string, error) {
	dir, err := m.in.Path(m.dir)
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: m.dir, Err: err}
	}
	return dir, nil
}
