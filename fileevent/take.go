package fileevent

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"syscall"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/invalid"
	"github.com/fsync-lock/fsync/internal/sidecar"
)

// OnTake makes a wait with [AutoReset] call f when it has taken the event. f gets what
// [Event.Info] would have returned just before. If the marker has no record, Info.Since is
// the time of its last change. f must not block. [WaitAll] may take an event, set it again,
// and take it later; it calls f each time.
func OnTake(f func(Info)) Option {
	return func(e *Event) { e.onTake = f }
}

// take takes the event, unless it was set too long ago.
//
// If a Set renews the marker between the look and the removal, that Set is taken too. So
// take may take a later Set than it has looked at, never an earlier one.
func (e *Event) take(m marker) (bool, error) {
	e.at(taking)
	if e.maxAge > 0 && !e.isYoung(m.path) {
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

// take removes the marker and reports whether this call removed it: of all calls that try,
// one returns true. take looks first, because most calls come too late, and a look does not
// lock the directory, as a removal does.
func (m marker) take() (bool, error) {
	if set, err := m.exists(); !set || err != nil {
		return false, err
	}
	if m.network {
		return m.claim(os.Rename)
	}
	if taken, err := m.takeToTombstone(); taken || errors.Is(err, fs.ErrNotExist) {
		return taken, nil
	}
	return unlink(m.path)
}

// takeToTombstone makes the marker the tombstone in one step, as Clear does. So a Watch that
// looks too late for the marker sees the tombstone. The error is [fs.ErrNotExist] if another
// process has removed the marker. After any other error, the caller removes the marker
// without a tombstone.
func (m marker) takeToTombstone() (bool, error) {
	info, err := file.Lstat(m.path)
	switch {
	case err != nil:
		return false, err
	case !info.Exists:
		return false, fs.ErrNotExist
	case !renameTakes, info.Mode&(fs.ModeDir|fs.ModeDevice) != 0, info.Links > 1:
		return false, errors.ErrUnsupported
	}
	if err := sidecar.Check(m.dir); err != nil {
		return false, invalid.Error(err.Error())
	}
	for attempt := 0; ; attempt++ {
		err := os.Rename(m.path, m.tombstonePath())
		if err == nil || !errors.Is(err, fs.ErrNotExist) || attempt == maxAttempts {
			return err == nil, err
		}
		if set, statErr := m.exists(); !set && statErr == nil {
			return false, err
		}
		if err := sidecar.Make(m.dir); err != nil {
			return false, invalid.Error(err.Error())
		}
	}
}

// claim takes the marker by renaming it to a unique name, and then makes it the tombstone. A
// network file system may repeat a rename whose answer was lost. If the first rename has
// moved the marker, the repeated one fails because the marker is gone. A file under the
// unique name proves that this call took the event.
func (m marker) claim(rename func(from, to string) error) (bool, error) {
	if info, err := file.Lstat(m.path); err == nil && info.Mode.IsDir() {
		return false, &fs.PathError{Op: "take", Path: m.path, Err: syscall.EISDIR}
	}
	if err := sidecar.Make(m.dir); err != nil {
		return false, err
	}
	ours := m.sidecar(fmt.Sprintf("%016x.taken", rand.Uint64()))
	err := rename(m.path, ours)
	if errors.Is(err, fs.ErrNotExist) {
		if moved, _ := file.Lstat(ours); !moved.Exists {
			return false, nil
		}
		err = nil
	}
	if err != nil {
		return false, m.failed("take", err)
	}
	if os.Rename(ours, m.tombstonePath()) != nil {
		os.Remove(ours)
	}
	return true, nil
}
