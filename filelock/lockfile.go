package filelock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fsync-lock/fsync/internal/cwd"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/flockwait"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/fsync-lock/fsync/internal/invalid"
	"github.com/gofrs/flock"
)

// A lockFile is a file to lock, and how to lock it. It does not change.
type lockFile struct {
	path         string
	base         cwd.Dir // the directory in which the path starts
	shared       bool
	perm         fs.FileMode
	lockedBefore bool // the path was locked before, so the file is opened without a stat first
	noCreate     bool // a missing file is not created
	isGate       bool

	anyFile bool   // it may be a device, or a link may lead to it
	given   string // the path before links were followed; empty if none were followed
	isFD    bool   // the path is like /dev/fd/9: the kernel opens the file of a descriptor
	viaFD   bool   // given leads through such a path
}

var (
	errBusy      = errors.New("busy")                                             // the lock is held
	errReplaced  = errors.New("lock file is removed or replaced again and again") // the locked file is not at the path any more
	errEmptyPath = fmt.Errorf("%w: the path of a lock file cannot be empty", fs.ErrInvalid)
)

// locate returns the path and the directory in which it starts.
func locate(path string) (string, cwd.Dir, error) {
	if path == "" {
		return "", cwd.Dir{}, &fs.PathError{Op: "open", Path: path, Err: errEmptyPath}
	}
	at, base, err := cwd.At(path)
	if err != nil {
		return "", cwd.Dir{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return at, base, nil
}

// current returns the lockFile with the path that leads to it now: the process may have
// changed its working directory, and links may have changed.
func (f lockFile) current() (lockFile, error) {
	given := cmp.Or(f.given, f.path)
	path, err := f.base.Path(given)
	if err != nil {
		return f, &fs.PathError{Op: "open", Path: given, Err: err}
	}
	f.path = path
	if f.anyFile {
		to, err := follow(path)
		if err != nil {
			return f, err
		}
		f.given, f.path, f.isFD, f.viaFD = path, to.path, to.isFD, to.viaFD
	}
	return f, nil
}

// inSameDir reports whether f.path, as current returned it, still starts in the same
// directory. It does not follow links; verify does.
func (f lockFile) inSameDir() bool { return f.base.Still(cmp.Or(f.given, f.path)) }

// stat describes the file at the path.
func (f lockFile) stat() (file.Info, error) {
	if f.isFD {
		return file.Stat(f.path)
	}
	return file.Lstat(f.path)
}

// statCurrent describes the file to which the path leads now. If the program changes its
// working directory before the stat, it begins again.
func (f lockFile) statCurrent() (file.Info, error) {
	for range 100 {
		now, err := f.current()
		if err != nil {
			return file.Info{}, err
		}
		reached(pathFound, now.path)
		if at, err := now.stat(); now.inSameDir() {
			return at, err
		}
	}
	return file.Info{}, &fs.PathError{Op: "stat", Path: f.path, Err: cwd.ErrMoved}
}

// key identifies the file by its path.
func (f lockFile) key() string { return f.base.Key(f.path) }

// try takes the lock if it is free; otherwise it returns errBusy.
func (f lockFile) try() (*hold, error) {
	for range 100 { // it tries again only if the file was removed meanwhile
		h, err := f.lockOnce(nil)
		if err != errReplaced {
			return h, err
		}
		f.lockedBefore = false
	}
	return nil, &fs.PathError{Op: "lock", Path: f.path, Err: errReplaced}
}

// lockOnce opens the lock file, locks it, and verifies that it is still the file at the
// path. With a supervisor, it waits for the lock if a thread may block.
func (f lockFile) lockOnce(wait supervisor) (*hold, error) {
	f, err := f.current()
	if err != nil {
		return nil, err
	}
	h, err := f.lockNow(wait)
	if !f.inSameDir() { // the working directory has changed, so the file may be another one
		if h != nil {
			h.release()
		}
		return nil, errReplaced
	}
	return h, err
}

func (f lockFile) lockNow(wait supervisor) (*hold, error) {
	at := file.Info{Exists: true}
	if !f.lockedBefore {
		var err error
		if at, err = f.mayOpen(); err != nil {
			return nil, err
		}
	}
	reached(opening, f.path)
	h, err := f.openAndLock(at, wait)
	if err != nil {
		return nil, err
	}
	if err := f.verify(h); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

// isReplaced reports whether the file that a waiter has opened is no longer at the path. It
// does not compare with the file that the waiter found before the open: the path may have
// changed in between, and may change back.
func (f lockFile) isReplaced(waitedFor file.ID) bool {
	at, err := f.statCurrent()
	return errors.Is(err, cwd.ErrMoved) || err == nil && (!at.Exists || at.ID != waitedFor) || !f.inSameDir()
}

// mayOpen describes the file at the path, if there is one. It returns an error if the
// file must not be opened: opening a FIFO or a device has effects on other processes.
func (f lockFile) mayOpen() (file.Info, error) {
	at, err := f.stat()
	if err == nil && at.Exists {
		err = f.mayLock(at)
	}
	if err == nil && !at.Exists && f.noCreate {
		err = &fs.PathError{Op: "open", Path: f.path, Err: fs.ErrNotExist}
	}
	return at, err
}

// verify returns errReplaced if the locked file is not at the path any more: then the
// lock does not exclude newcomers.
func (f lockFile) verify(h *hold) error {
	if err := h.identify(); err != nil {
		return err
	}
	stat := f.stat
	if f.anyFile { // the links may lead elsewhere by now
		stat = f.statCurrent
	}
	at, err := stat()
	if err != nil {
		return err
	}
	if !at.Exists || at.ID != h.id {
		return errReplaced
	}
	h.size = at.Size
	return f.mayLock(at)
}

// mayLock returns an error if the file cannot be a lock file.
func (f lockFile) mayLock(at file.Info) error {
	switch {
	case f.anyFile && at.Mode&fs.ModeDevice != 0:
	case f.isFD && at.Mode&fs.ModeNamedPipe != 0:
	default:
		if kind := wrongType(at.Mode); kind != "" {
			return &fs.PathError{Op: "lock", Path: f.path, Err: invalid.Error("it is " + kind + "; a lock file must be a regular file or a directory")}
		}
	}
	if !at.Mode.IsDir() {
		return nil
	}
	if n := slotsIn(f.path); n > 0 {
		return &fs.PathError{Op: "lock", Path: f.path, Err: invalid.Error(fmt.Sprintf(
			"it is the directory of a semaphore, and a lock on it would not exclude the holders of its slots: acquire a slot (NewSemaphore, or fsync-lock --slots %d), or lock another file", n))}
	}
	return nil
}

// wrongType names the type of a file that cannot be a lock file. It returns an empty text for
// a regular file and a directory.
func wrongType(mode fs.FileMode) string {
	switch {
	case mode.IsRegular(), mode.IsDir():
		return ""
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a file"
}

// openAndLock opens the file read-only, as flock(1) does: a file that is open for
// writing cannot be executed (ETXTBSY), and some scripts lock themselves. It uses
// O_CREAT only if the file is missing, and then with O_EXCL: with
// fs.protected_regular (proc_sys_fs(5)) the kernel refuses O_CREAT on the file of
// another user in a sticky directory. If the lock needs a writable file (NFS,
// flock(2)), the kernel returns EBADF or EIO, and the file is opened again for writing.
func (f lockFile) openAndLock(at file.Info, wait supervisor) (*hold, error) {
	flag := os.O_RDONLY
	if !at.Exists {
		flag = os.O_CREATE | os.O_EXCL
	}
	if needsWrite && (!at.Exists || !at.Mode.IsDir()) {
		flag |= os.O_RDWR
	}
	h, err := f.flock(flag, at, wait)
	if wantsWrite(err) && at.Mode&fs.ModeDevice == 0 {
		h, err = f.flock(os.O_RDWR, at, wait)
	}
	var open *fs.PathError
	switch {
	case err == nil, err == errReplaced:
		return h, err
	case err == errBusy:
		if wait != nil && !at.Exists { // another process has locked the new file first
			return nil, errReplaced
		}
		return nil, errBusy
	case !errors.As(err, &open):
		return nil, flockError(f.path, err)
	case !at.Exists && errors.Is(err, fs.ErrExist), // another process created it first
		at.Exists && errors.Is(err, fs.ErrNotExist), // it was removed
		at.Exists && file.IsLink(err):               // it was replaced by a link
		return nil, errReplaced
	}
	return nil, err
}

// flock opens and locks the file for every acquisition: at once, or, with a supervisor,
// when the lock becomes free. Its error is an *fs.PathError if the file could not be opened, and the
// bare error of the lock call otherwise.
//
// flock does not wait for a file that it creates, which is nearly always free. It does not
// wait on FUSE and network file systems either, because they may not interrupt a wait.
func (f lockFile) flock(flag int, at file.Info, wait supervisor) (*hold, error) {
	flag |= file.Flags
	if f.isFD {
		flag &^= file.NoFollow
	}
	h := &hold{fl: flock.New(f.path, flock.SetFlag(flag), flock.SetPermissions(f.perm)), at: f}
	lock := func() error { return f.tryLock(h.fl) }
	if wait != nil && at.Exists && canSet && !fskind.Of(f.path).Network {
		if free, ok := flockwait.Reserve(); ok {
			defer free()
			lock = func() error { return f.block(h, flag, wait) }
		}
	}
	err := file.Unleased(lock)
	if file.IsLeased(err) { // like a lock, a lease ends when its holder releases it
		return nil, errBusy
	}
	return h, err
}

// tryLock locks the file if that is possible at once. EINTR comes from a signal handler
// of C code: the handlers of Go make the kernel restart the call (signal(7)).
func (f lockFile) tryLock(fl *flock.Flock) error {
	try := fl.TryLock
	if f.shared {
		try = fl.TryRLock
	}
	ok, err := try()
	for isInterrupted(err) {
		ok, err = try()
	}
	var open *fs.PathError
	if !ok && (err == nil || isBusy(err) && !errors.As(err, &open)) {
		return errBusy
	}
	return err
}
