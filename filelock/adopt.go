package filelock

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
	"github.com/gofrs/flock"
)

// Adopt returns a Lock that has the hold of an inherited file. The file may come from
// [Lock.File] of another process, through [os/exec.Cmd.ExtraFiles], or from a shell
// (exec 9>FILE; flock 9). path is the path of the lock file, and the options are those
// of [New].
//
//	f := os.NewFile(3, "lock") // the first of ExtraFiles
//	lock, err := filelock.Adopt(f, "/run/app/app.lock")
//
// The hold goes on without a gap. All processes that have the file share it:
// [Lock.Release] ends it for all of them, [Lock.Leave] leaves it to the others. The
// process that hands the lock over calls Leave.
//
// After a success, f is closed: the Lock has a descriptor of its own, which no
// child process inherits. If two goroutines adopt one f, only one succeeds. Standard
// input, output and error stay open, so a program must adopt each of them only once.
// After an error, f is unchanged.
//
// Adopt does not take a lock that f does not hold, and it does not make a shared
// lock exclusive or an exclusive one shared. The error is an [*fs.PathError]. It is
//
//   - [ErrNotHeld] if f does not hold the lock in the mode that the options ask for;
//   - [ErrLost] if f is not the file at the path: the file was removed or replaced, or
//     f is another file;
//   - [fs.ErrInvalid] if the path cannot be the path of a lock file (see
//     [Lock.Acquire]), or f is nil;
//   - [errors.ErrUnsupported] on Windows, where a lock cannot be inherited;
//   - otherwise the reason why f or the path cannot be used, such as [os.ErrClosed].
//
// On Linux, the kernel shows the lock of f (/proc). On other systems, and on a network
// file system that does not show its locks, Adopt tries the lock, and takes it for a
// moment if it is free. So if f does not hold the lock, but another process holds it
// shared, or releases it just then, Adopt may take the lock for f. After a success, the
// Lock holds the lock in any case.
//
// A slot of a semaphore can be adopted as a Lock by the path of its file, DIR/N.
func Adopt(f *os.File, path string, opts ...Option) (*Lock, error) {
	l := New(path, opts...)
	if err := l.adopt(f); err != nil {
		var at *fs.PathError
		if errors.As(err, &at) && (at.Path != "" || path == "") { // f may have no name
			return nil, err
		}
		return nil, &fs.PathError{Op: "adopt", Path: path, Err: err}
	}
	return l, nil
}

// adopt takes over the hold of f. The hold gets a duplicate of f, because f may be
// closed at any time, for example by its finalizer.
func (l *Lock) adopt(f *os.File) error {
	if f == nil {
		return fmt.Errorf("%w: there is no file", fs.ErrInvalid)
	}
	if !keepsRecords { // flock is emulated with fcntl locks, which are not inherited
		return errors.ErrUnsupported
	}
	if _, err := f.Stat(); err != nil {
		return errors.Unwrap(err) // without the name of f
	}
	r, err := l.request(true)
	if err != nil {
		return err
	}
	at := r.files[0]
	mine, err := duplicate(f)
	if err != nil {
		return err
	}
	h, err := at.adopt(mine)
	if err != nil {
		return err
	}
	if err := closeAdopted(f); err != nil { // another goroutine was faster
		h.leave()
		return err
	}
	l.isSlot = isSlot(at.path)
	if err := l.keep(r, h); err != nil {
		return err
	}
	h.recordNow() // keep has removed the record of the process that acquired the lock
	return nil
}

// closeAdopted closes the file of which the hold has a duplicate, unless it is standard
// input, output or error.
func closeAdopted(f *os.File) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	standard := false
	if err := conn.Control(func(fd uintptr) { standard = fd <= 2 }); err != nil {
		return os.ErrClosed
	}
	if !standard && errors.Is(f.Close(), os.ErrClosed) {
		return os.ErrClosed
	}
	return nil // after any other error of Close, the file is closed too
}

// isSlot reports whether a slot of a semaphore is at the path.
func isSlot(path string) bool {
	dir, name := filepath.Split(path)
	n, err := strconv.Atoi(name)
	return err == nil && n >= 1 && n <= slotsIn(dir)
}

// adopt returns the hold of an open file that has the lock. After an error the file
// is closed.
func (f lockFile) adopt(open *os.File) (*hold, error) {
	fl := flock.New(f.path, flock.SetPermissions(fs.ModeIrregular)) // no file has this mode, so gofrs/flock does not open the file again
	h := &hold{fl: fl, at: f, inheritable: true}
	err := f.mayAdopt(open)
	if err == nil {
		err = h.setFile(open)
	}
	if err != nil {
		open.Close()
		return nil, err
	}
	// The file is locked already, so the try changes only the state of fl. If another
	// process has unlocked the file just now, the try acquires the lock, or fails.
	if err := f.tryLock(fl); err != nil {
		open.Close()
		if err == errBusy {
			err = ErrNotHeld
		}
		return nil, err
	}
	if err := f.verify(h); err != nil {
		h.leave()
		if err == errReplaced {
			err = lostError{errOther}
		}
		return nil, err
	}
	return h, nil
}

// mayAdopt returns nil if the open file is at the path, and has the lock.
func (f lockFile) mayAdopt(open *os.File) error {
	mine, err := file.Of(open)
	if err != nil {
		return err
	}
	at, err := f.mayOpen()
	if err := lostUnless(mine, at, err); err != nil {
		return err
	}
	mode := kernelMode(open)
	if mode == unknownMode || mode == notLocked && fskind.Of(f.path).Network {
		if mode, err = f.triedMode(); err != nil {
			return err
		}
	}
	switch {
	case mode == notLocked:
		return ErrNotHeld
	case mode == sharedMode && !f.shared:
		return fmt.Errorf("%w exclusively, but shared: adopt it with Shared", ErrNotHeld)
	case mode == exclusiveMode && f.shared:
		return fmt.Errorf("%w shared, but exclusively: adopt it without Shared", ErrNotHeld)
	}
	return nil
}

// triedMode finds out by trying in which mode a process holds the lock. It opens the file
// again for the try: on an open file that has the lock, a try in another mode would first
// release the lock (flock(2)).
func (f lockFile) triedMode() (lockMode, error) {
	isFree := func(shared bool) (bool, error) {
		f.shared, f.noCreate = shared, true
		h, err := f.try()
		if err == nil {
			err = h.release()
		}
		if err == errBusy {
			return false, nil
		}
		return err == nil, err
	}
	if free, err := isFree(true); !free {
		return exclusiveMode, err
	}
	if free, err := isFree(false); !free {
		return sharedMode, err
	}
	return notLocked, nil
}
