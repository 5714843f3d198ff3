package fileevent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/beside"
)

// OnTake has f called when a wait with [AutoReset] has taken the event, with
// what [Event.Info] would have said of it before; if nobody has recorded when it
// was set, Since is when the marker last changed. f must not block. [WaitAny]
// takes one event; [WaitAll] may take an event, set it again, and take it later,
// and calls f each time.
func OnTake(f func(Info)) Option {
	return func(e *Event) { e.onTake = f }
}

// take takes the event, unless it was set too long ago.
//
// A Set that renews the marker between the look and the removal is taken with
// it. So what is taken may be younger than what was seen, and is never older.
func (e *Event) take(m marker) (bool, error) {
	e.at(taking)
	if e.maxAge > 0 && !e.counts(m.path) {
		return false, nil
	}
	var info Info
	if e.onTake != nil {
		info = m.info(0)
		if info.Since.IsZero() {
			info.Since = setTime(m.path)
		}
	}
	taken, err := m.take()
	if taken {
		e.at(took)
		if e.onTake != nil {
			e.onTake(info)
		}
	}
	return taken, err
}

// take removes the marker and reports whether it was this call that did: of
// all who try, it is true for one. It looks first, because most who try come
// too late, and a look does not keep anybody from changing the directory.
func (m marker) take() (bool, error) {
	if set, err := m.exists(); !set || err != nil {
		return false, err
	}
	if m.network {
		return m.claim(os.Rename)
	}
	if taken, err := m.takeToTrace(); taken || errors.Is(err, fs.ErrNotExist) {
		return taken, nil
	}
	return unlink(m.path)
}

// takeToTrace takes the marker as Clear does: in one step it becomes the trace,
// so a Watch that comes too late for the marker sees that. The error is
// [fs.ErrNotExist] if somebody else was faster; after any other the marker is
// there, and has to go without a trace.
func (m marker) takeToTrace() (bool, error) {
	info, err := os.Lstat(m.path)
	if err != nil {
		return false, err
	}
	if !renameTakes || info.Mode()&(fs.ModeDir|fs.ModeDevice) != 0 || links(info) > 1 {
		return false, errors.ErrUnsupported
	}
	for attempt := 0; ; attempt++ {
		err := os.Rename(m.path, m.tracePath())
		if err == nil || !errors.Is(err, fs.ErrNotExist) || attempt == maxAttempts {
			return err == nil, err
		}
		if set, lookErr := m.exists(); !set && lookErr == nil {
			return false, err
		}
		if err := beside.Make(m.dir); err != nil {
			return false, misplaced(err.Error())
		}
	}
}

// claim takes the marker by giving it a name that nobody else has, and then
// removes it. A network file system may repeat a request whose answer was
// lost, and then says that there is no such file to the one who has removed
// it. Whether there is a file of our own name says who was it.
func (m marker) claim(rename func(from, to string) error) (bool, error) {
	if info, err := os.Lstat(m.path); err == nil && info.IsDir() {
		return false, &fs.PathError{Op: "take", Path: m.path, Err: syscall.EISDIR}
	}
	if err := beside.Make(m.dir); err != nil {
		return false, err
	}
	ours := m.beside(fmt.Sprintf("%016x.taken", rand.Uint64()))
	err := rename(m.path, ours)
	if errors.Is(err, fs.ErrNotExist) {
		if claimed, _ := there(ours); !claimed {
			return false, nil
		}
		err = nil
	}
	if err != nil {
		return false, m.failed("take", err)
	}
	if os.Rename(ours, m.tracePath()) != nil {
		os.Remove(ours)
	}
	return true, nil
}
