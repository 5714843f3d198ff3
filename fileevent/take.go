package fileevent

import (
	"errors"
	"io/fs"
	"os"

	"github.com/fsync-lock/fsync/internal/file"
)

// OnTake makes a wait with [AutoReset] call f when it has taken the event. f gets what
// [Event.Info] would have returned just before. If the marker has no record, Info.Since is
// the time of its last change. [WaitAll] may take an event, set it again, and take it later;
// it calls f each time.
//
// The wait calls f in the goroutine of its caller, and other waits of the process for this
// event may stand still until f returns. So f must not block, nor wait for the event.
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
		taken, err := m.claim(os.Rename)
		if err != nil {
			err = m.failed("take", err)
		}
		return taken, err
	}
	if taken, err := m.takeToTombstone(); err == nil {
		return taken, nil
	}
	return unlink(m.path)
}

// takeToTombstone makes the marker the tombstone, as Clear does: in one step, or in two if it
// has several names. So a Watch that
// looks too late for the marker sees the tombstone. After an error, the caller removes the
// marker without a tombstone.
func (m marker) takeToTombstone() (bool, error) {
	info, err := file.Lstat(m.path)
	switch {
	case err != nil, !info.Exists:
		return false, err
	case !renameTakes, info.Mode&(fs.ModeDir|fs.ModeDevice) != 0:
		return false, errors.ErrUnsupported
	case info.Links > 1: // a rename may succeed although it moves nothing
		return m.claim(os.Rename)
	}
	return m.moveTo(m.tombstonePath(), os.Rename)
}
