package filelock

import (
	"cmp"
	"context"
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

// A target is a file to lock, and how to lock it. It does not change.
type target struct {
	path   string
	dir    cwd.Dir // the directory in which the path starts
	shared bool
	perm   fs.FileMode
	known  bool // it has been locked before, so it need not be looked at first
	absent bool // do not create it if it is missing
	isGate bool

	anyFile bool   // it may be a device, or a link may lead to it
	given   string // the path before links were followed; empty if they are not followed
	open    bool   // the path is like /dev/fd/9: the kernel opens the file of a descriptor
	through bool   // given leads through such a path
}

// errBusy means that the lock is held; errReplaced that the locked file is not at
// the path any more.
var (
	errBusy      = errors.New("busy")
	errEmptyPath = fmt.Errorf("%w: the path of a lock file cannot be empty", fs.ErrInvalid)
	errReplaced  = errors.New("lock file is removed or replaced again and again")
)

// locate returns the path, and the directory in which it starts.
func locate(path string) (string, cwd.Dir, error) {
	if path == "" {
		return "", cwd.Dir{}, &fs.PathError{Op: "open", Path: path, Err: errEmptyPath}
	}
	at, dir, err := cwd.At(path)
	if err != nil {
		return "", cwd.Dir{}, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return at, dir, nil
}

// now returns the target with the path that leads to it now: the process may have
// changed its working directory.
func (t target) now() (target, error) {
	given := cmp.Or(t.given, t.path)
	path, err := t.dir.Path(given)
	if err != nil {
		return t, &fs.PathError{Op: "open", Path: given, Err: err}
	}
	t.path = path
	if t.anyFile {
		to, err := follow(path)
		if err != nil {
			return t, err
		}
		t.given, t.path, t.open, t.through = path, to.path, to.open, to.through
	}
	return t, nil
}

// still reports whether the path that now returned still leads to the target. It
// does not look at links; check does.
func (t target) still() bool { return t.dir.Still(cmp.Or(t.given, t.path)) }

// lookNow looks at where the path leads now.
func (t target) lookNow() (file.Info, error) {
	t, err := t.now()
	if err != nil {
		return file.Info{}, err
	}
	return t.lookAt()
}

func (t target) lookAt() (file.Info, error) {
	if t.open {
		return file.Stat(t.path)
	}
	return file.Lstat(t.path)
}

// key identifies the file by its path.
func (t target) key() string { return t.dir.Key(t.path) }

// try takes the lock if it is free; otherwise it returns errBusy.
func (t target) try() (*handle, error) {
	for range 100 { // each further round means that the file was removed meanwhile
		h, err := t.lockOnce(nil)
		if err != errReplaced {
			return h, err
		}
		t.known = false
	}
	return nil, &fs.PathError{Op: "lock", Path: t.path, Err: errReplaced}
}

// An ending calls a blocked call back when the wait has to end, for the reason errBusy,
// or when the file is not at the path any more, for the reason errReplaced. It does
// neither after stop has returned.
type ending func(call *flockwait.Call, path string, isReplaced func() bool) (stop func())

// lock waits for the lock until ctx ends; then it returns errBusy.
func (t target) lock(ctx context.Context) (*handle, error) {
	return t.lockUntil(ctx, func(call *flockwait.Call, path string, isReplaced func() bool) (stop func()) {
		look := everySecond(path, func() (done bool) { return callBackIf(isReplaced(), call) })
		if ctx.Done() == nil {
			return look
		}
		ended := context.AfterFunc(ctx, func() { call.Back(errBusy) })
		return func() {
			look()
			ended()
		}
	})
}

func callBackIf(isReplaced bool, call *flockwait.Call) bool {
	if isReplaced {
		call.Back(errReplaced)
	}
	return isReplaced
}

// lockUntil waits for the lock: in the kernel until the wait has to end, or, if no
// thread may block there, between tries until ctx ends.
func (t target) lockUntil(ctx context.Context, until ending) (*handle, error) {
	t.known = false
	var pause flockwait.Pause
	for ctx.Err() == nil { // a wait that is over makes no file
		h, err := t.lockOnce(until)
		switch {
		case err != errBusy && err != errReplaced:
			return h, err
		case err == errBusy && !pause.Wait(ctx):
			return nil, errBusy
		}
	}
	return nil, errBusy
}

// lockOnce opens the lock file, locks it and checks that it is still the file at
// the path. With until, it waits for the lock if a thread may block.
func (t target) lockOnce(until ending) (*handle, error) {
	t, err := t.now()
	if err != nil {
		return nil, err
	}
	h, err := t.lockHere(until)
	if !t.still() { // it may be another file
		if h != nil {
			h.release()
		}
		return nil, errReplaced
	}
	return h, err
}

func (t target) lockHere(until ending) (*handle, error) {
	at := file.Info{Exists: true}
	if !t.known {
		var err error
		if at, err = t.look(); err != nil {
			return nil, err
		}
	}
	reached(opening, t.path)
	// A file that is created here has no identity in at yet. If another process
	// locks it first, return errReplaced and look again instead of waiting.
	wait := until
	if !at.Exists {
		wait = nil
	}
	h, err := t.openAndLock(at, wait)
	if err == errBusy && until != nil && !at.Exists {
		err = errReplaced
	}
	if err != nil {
		return nil, err
	}
	h.register()
	if err := t.check(h); err != nil {
		h.release()
		return nil, err
	}
	return h, nil
}

// isReplaced reports whether the file that is waited for is no longer at the path.
func (t target) isReplaced(at file.Info) bool {
	now, err := t.lookNow()
	return errors.Is(err, cwd.ErrMoved) || err == nil && (!now.Exists || now.ID != at.ID) || !t.still()
}

// look returns what is at the path, if anything. It comes before the open, because
// to open a FIFO or a device has effects on other processes.
func (t target) look() (file.Info, error) {
	at, err := t.lookAt()
	if err == nil && at.Exists {
		err = t.lockable(at)
	}
	if err == nil && !at.Exists && t.absent {
		err = &fs.PathError{Op: "open", Path: t.path, Err: fs.ErrNotExist}
	}
	return at, err
}

// check returns errReplaced if the locked file is not the file at the path any
// more: then the lock does not exclude newcomers.
func (t target) check(h *handle) error {
	if err := h.identify(); err != nil {
		return err
	}
	look := t.lookAt
	if t.anyFile { // the links may lead elsewhere by now
		look = t.lookNow
	}
	at, err := look()
	if err != nil {
		return err
	}
	if !at.Exists || at.ID != h.id {
		return errReplaced
	}
	h.at, h.size = t, at.Size
	return t.lockable(at)
}

func (t target) lockable(at file.Info) error {
	switch {
	case t.anyFile && at.Mode&fs.ModeDevice != 0:
	case t.open && at.Mode&fs.ModeNamedPipe != 0:
	default:
		if kind := unlockable(at.Mode); kind != "" {
			return &fs.PathError{Op: "lock", Path: t.path, Err: invalid.Error("it is " + kind + "; a lock file must be a regular file or a directory")}
		}
	}
	if !at.Mode.IsDir() {
		return nil
	}
	if n := slotsIn(t.path); n > 0 {
		return &fs.PathError{Op: "lock", Path: t.path, Err: invalid.Error(fmt.Sprintf(
			"it is the directory of a semaphore, and a lock on it would not exclude the holders of its slots: acquire a slot (--slots %d), or lock another file", n))}
	}
	return nil
}

func unlockable(mode fs.FileMode) string {
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
// flock(2)), the kernel returns EBADF or EIO, and the file is opened again.
func (t target) openAndLock(at file.Info, until ending) (*handle, error) {
	flag := os.O_RDONLY
	if !at.Exists {
		flag = os.O_CREATE | os.O_EXCL
	}
	if needsWrite && (!at.Exists || !at.Mode.IsDir()) {
		flag |= os.O_RDWR
	}
	h, err := t.flock(flag, at, until)
	if wantsWrite(err) && at.Mode&fs.ModeDevice == 0 {
		h, err = t.flock(os.O_RDWR, at, until)
	}
	var open *fs.PathError
	switch {
	case err == nil, err == errBusy, err == errReplaced:
		return h, err
	case !errors.As(err, &open):
		return nil, flockError(t.path, err)
	case !at.Exists && errors.Is(err, fs.ErrExist), // another process created it first
		at.Exists && errors.Is(err, fs.ErrNotExist), // it was removed
		at.Exists && file.IsLink(err):               // it was replaced by a link
		return nil, errReplaced
	}
	return nil, err
}

// flock is the one place that locks. Its errors are *fs.PathError if the file
// could not be opened, and the bare error of the lock call otherwise.
func (t target) flock(flag int, at file.Info, until ending) (*handle, error) {
	flag |= file.Flags
	if t.open {
		flag &^= file.NoFollow
	}
	h := &handle{fl: flock.New(t.path, flock.SetFlag(flag), flock.SetPermissions(t.perm)), dir: t.dir}
	err := file.Unleased(func() error { return t.lockFile(h, flag, at, until) })
	if file.IsLeased(err) { // as a lock, a lease ends when its holder releases it
		return nil, errBusy
	}
	return h, err
}

// lockFile locks the file at once, or waits for the lock if a thread may block.
func (t target) lockFile(h *handle, flag int, at file.Info, until ending) error {
	if until != nil && canNote && !fskind.Of(t.path).Network { // FUSE and network file systems may not interrupt a wait
		if free, ok := flockwait.Reserve(); ok {
			defer free()
			return t.block(h, flag, at, until)
		}
	}
	return t.tryLock(h.fl)
}

// tryLock locks the file if that is possible at once. EINTR comes from a signal handler
// of C code: those of Go make the kernel restart the call (signal(7)).
func (t target) tryLock(fl *flock.Flock) error {
	try := fl.TryLock
	if t.shared {
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
