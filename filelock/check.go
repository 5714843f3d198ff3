package filelock

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/fskind"
)

// Check returns nil while this Lock keeps other processes out. A long-running program can
// call it from time to time: it locks nothing, and takes about ten microseconds. The
// answer is true only at the moment of the call.
//
// The error is an [*fs.PathError]. It is
//
//   - [ErrNotHeld] if this Lock holds nothing;
//   - [ErrLost] if the lock is lost: the lock file is not at the path any more,
//     because the file or its directory was removed, replaced or renamed; a
//     process that inherited the hold has unlocked the file; or the file system
//     has lost the file, for example because a server was restarted. Another
//     process may hold the lock now. The hold must still be released;
//   - otherwise the reason why Check cannot tell, such as [fs.ErrPermission].
//
// If this Lock has several holds, one that keeps others out is enough.
//
// Check sees that another process has unlocked the file only on Linux, with /proc, and
// not on a network file system or FUSE that hides its locks from the kernel. It cannot
// see that a server has given the lock to another host, nor that the lock was lost for a
// moment and taken again.
func (l *Lock) Check() error {
	held, lost, unknown := l.check()
	if held > 0 {
		return nil
	}
	return cmp.Or(unknown, lost)
}

// Check returns nil while this Semaphore holds slots and all of them keep other processes
// out. The errors are those of [Lock.Check]. The error is ErrLost if one slot is lost, even if
// this Semaphore holds others; the path in it is that of the slot.
func (s *Semaphore) Check() error {
	_, lost, unknown := s.check()
	return cmp.Or(lost, unknown)
}

// check returns how many holds exclude other processes. lost is the error of a hold that
// is lost, and unknown is the error of a hold that cannot be checked.
func (c *common) check() (held int, lost, unknown error) {
	c.mu.Lock() // no hold ends meanwhile
	defer c.mu.Unlock()
	if len(c.holds) == 0 {
		return 0, c.notHeld("check"), nil
	}
	for _, h := range slices.Backward(c.holds) { // the file of the newest is most likely at the path
		switch err := h.intact(); {
		case err == nil:
			held++
		case errors.Is(err, ErrLost):
			lost = err
		default:
			unknown = err
		}
	}
	return held, lost, unknown
}

// intact returns nil if the hold excludes other processes.
func (h *hold) intact() error {
	f, err := h.osFile()
	if err == nil {
		err = h.inPlace(f)
	}
	if err == nil {
		err = h.stillLocked(f)
	}
	if lost := (lostError{}); errors.As(err, &lost) {
		return &fs.PathError{Op: "check", Path: cmp.Or(h.at.given, h.at.path), Err: lost}
	}
	return err
}

// inPlace checks that the locked file is the file at the path.
func (h *hold) inPlace(f *os.File) error {
	mine, err := file.Of(f)
	if err != nil {
		return lostIf(fileGone(err), err)
	}
	if h.at.isFD { // a file without a name
		return nil
	}
	at, err := h.at.statAgain()
	if err := lostUnless(mine, at, err); err != nil {
		return err
	}
	return h.probe(f)
}

// lostUnless returns nil if the open file is at the path, given the result of a stat.
func lostUnless(open, at file.Info, err error) error {
	switch {
	case err != nil:
		return lostIf(pathGone(err), err)
	case !at.Exists:
		return lostError{errRemoved}
	case at.ID != open.ID:
		return lostError{errOther}
	}
	return nil
}

// probe reads one byte of a file on a network file system. Only a read shows that the
// server has lost the file or the lock.
func (h *hold) probe(f *os.File) error {
	if !h.regular || !h.remote() {
		return nil
	}
	if _, err := f.ReadAt(make([]byte, 1), 0); fileGone(err) {
		return lostError{err}
	}
	return nil // after any other error, the file is empty or was not opened for reading
}

// remote reports whether the file is on a network file system.
func (h *hold) remote() bool {
	if h.network == nil {
		network := fskind.Of(h.fl.Path()).Network
		h.network = &network
	}
	return *h.network
}

// stillLocked checks that the open file still has the kernel's lock in the mode that was
// acquired. It does not try to lock the file: the try would take a lock that another
// process has given up.
func (h *hold) stillLocked(f *os.File) error {
	switch mode := kernelMode(f); {
	case mode == unknownMode:
	case mode == notLocked && (h.shown || !h.remote()):
		return lostError{errUnlocked}
	case mode == sharedMode && !h.fl.RLocked():
		return lostError{errWeakened}
	default:
		h.shown = mode != notLocked
	}
	return nil
}

// kernelMode asks the kernel for the lock of an open file. Tests replace it.
var kernelMode = shownMode

// A lockMode is the answer of the kernel about the lock of an open file.
type lockMode int

const (
	unknownMode lockMode = iota // the kernel does not tell
	notLocked
	sharedMode
	exclusiveMode
)

// statAgain describes the file to which the path of a hold leads now, through the links as
// they are now. A path like /dev/fd/9 is not followed again, because this process may have
// closed the descriptor since.
func (f lockFile) statAgain() (file.Info, error) {
	if f.viaFD {
		f = lockFile{path: f.path, base: f.base}
	}
	return f.statCurrent()
}

// A lostError is the reason why a lock is lost.
type lostError struct{ why error }

func (e lostError) Error() string   { return fmt.Sprintf("%v: %v", ErrLost, e.why) }
func (e lostError) Unwrap() []error { return []error{ErrLost, e.why} }

func lostIf(lost bool, err error) error {
	if lost {
		return lostError{err}
	}
	return err
}

var (
	errRemoved  = errors.New("the file was removed")
	errOther    = errors.New("another file is at the path")
	errUnlocked = errors.New("a process that inherited the lock has unlocked the file")
	errWeakened = errors.New("a process that inherited the lock has made it shared")
)
