package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"time"
)

// A Set that may not replace the marker leaves its record in the file DIR/.fsync/NAME.set, the
// notice of the event. The next such Set replaces the notice. If a Watch finds another notice
// than before, there was a Set; so does a wait with MaxAge that has ignored the marker. They
// find it within a second, because a change in DIR/.fsync is not reported.
//
// The notice is not the tombstone: a Clear that follows at once would replace it there by the
// marker, which a Watch may have seen before.
func (m marker) noticeName() string {
	return strings.TrimSuffix(m.tombstoneName(), tombstoneSuffix) + noticeSuffix
}

const noticeSuffix = ".set"

// notice returns the version of the notice.
func (m marker) notice() (version, error) { return m.trace(m.noticeName()) }

// leaveNotice makes the draft the notice, and then gives the marker the time of the Set. In the
// other order, a wait with MaxAge could end for the new time, and the next one for the notice.
// A process that may not make files there may still own the marker.
func (m marker) leaveNotice(draft string) error {
	touches := m.renewal() == touch
	err := m.withSidecar(func() error { return rename(draft, m.sidecar(m.noticeName())) })
	if touches && (err == nil || errors.Is(err, fs.ErrPermission)) {
		now := time.Now()
		os.Chtimes(m.path, now, now) // fails, without harm, if the user does not own the file
	}
	return err
}
