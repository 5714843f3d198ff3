package fileevent

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/fsync-lock/fsync/internal/file"
)

// The tombstone of an event is the marker that was cleared last: Clear moves it from
// DIR/NAME to DIR/.fsync/NAME.pulse, where no process watches. The move is one step. So a
// waiter that was woken finds the marker or the tombstone, and if two processes clear an
// event at the same time, only one moves the marker. If a waiter finds another tombstone
// than before, the event was set in between, once or more often. The tombstone does not
// tell whether the event is set; only the marker does.
//
// Clear leaves the tombstone, not Set. Set could leave it only after it has made the
// marker. A waiter could wake, clear the event and wait again before that, and the
// tombstone of the same Set would wake it a second time.
func (m marker) tombstonePath() string { return m.sidecar(m.tombstoneName()) }

const (
	tombstoneSuffix = ".pulse"

	// aside is the suffix of a tombstone while Tidy checks it. If the process dies then,
	// the tombstone stays under that name, and looks still find it.
	aside = ".old"
)

// tombstoneName returns NAME.pulse. If NAME.pulse.old is longer than 255 bytes, the limit of
// the common file systems, it shortens NAME and adds a hash of it.
func (m marker) tombstoneName() string {
	if len(m.name)+len(tombstoneSuffix)+len(aside) <= 255 {
		return m.name + tombstoneSuffix
	}
	h := fnv.New64a()
	io.WriteString(h, m.name)
	return fmt.Sprintf("%s.%016x%s", strings.ToValidUTF8(m.name[:200], ""), h.Sum64(), tombstoneSuffix)
}

// tombstone returns the version of the tombstone.
func (m marker) tombstone() (version, error) { return m.trace(m.tombstoneName()) }

// trace returns the version of the tombstone or the notice with that name.
func (m marker) trace(name string) (version, error) {
	return lastOf(func() (version, error) { return versionOf(m.sidecar(name)) }, func() version { return m.archived(name) })
}

// lastOf returns the version of the tombstone or, if there is none, the archived version. It
// reads them until it finds the same archived version twice. Between two reads, Tidy may have
// put a later tombstone back, see removeArchived, and another Tidy may have archived that one.
func lastOf(tombstone func() (version, error), archived func() version) (version, error) {
	for former := (version{}); ; {
		now, err := tombstone()
		if err != nil || now.exists {
			return now, err
		}
		now = archived()
		if !now.exists || !now.differs(former) && !former.differs(now) {
			return now, nil
		}
		former = now
	}
}

// clear makes the marker the tombstone. It removes the marker instead if the disk is full.
// It also removes a device, because each look at the tombstone would open the device. If the
// marker is a hard link to the tombstone, a rename to that name would do nothing.
func (m marker) clear(info file.Info, move mover) (err error) {
	switch {
	case info.Mode&fs.ModeDevice != 0:
		return m.remove()
	case info.Links > 1 && oneFile(file.Lstat, m.path, m.tombstonePath()):
		_, err = m.claim(move)
	default:
		_, err = m.moveTo(m.tombstonePath(), move)
	}
	switch {
	case err == nil: // or another process has cleared it
		return nil
	case isFull(err):
		return m.remove()
	}
	return m.failed("clear", m.blocked(err))
}

// blocked explains the error if a directory is in the place of the tombstone.
func (m marker) blocked(err error) error {
	if info, statErr := file.Lstat(m.tombstonePath()); statErr == nil && info.Mode.IsDir() {
		return fmt.Errorf("%w: the directory %s is in the place of the tombstone", fs.ErrInvalid, m.tombstonePath())
	}
	return err
}

// failed returns an error that names only the marker. The error of a rename names two files.
func (m marker) failed(op string, err error) error {
	if link := (*os.LinkError)(nil); errors.As(err, &link) {
		err = link.Err
	}
	return &fs.PathError{Op: op, Path: m.path, Err: err}
}
