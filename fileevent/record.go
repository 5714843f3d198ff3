package fileevent

import (
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
)

// A record in the marker tells which process set the event. It is one JSON object and a
// newline. Set writes it with one write(2) right after it has made the marker. So waiters
// wake before the record is written, and Set takes half the time that it would take to write
// a file and rename it. No process writes to a marker again: a Set that finds a marker
// replaces it, see renew. A reader ignores a part of a record, which a full disk may leave.
//
// Each Set has its own ID of 16 hexadecimal digits, see version.differs. The fields Start
// and PIDNS are left out.

// record writes the record into the marker that Set has just made. It returns no error: if
// the write fails, the event is set all the same, without a record.
func (e *Event) record(marker *os.File) {
	r := process.Self()
	r.Start, r.PIDNS = "", ""
	r.ID = fmt.Sprintf("%016x", rand.Uint64())
	r.Since, r.Note = time.Now().UTC().Truncate(time.Millisecond), e.note
	if _, err := marker.Write(r.Encode()); err != nil {
		marker.Truncate(0) // a part of the record may have been written
	}
}

const (
	newborn      = time.Second           // the age until which a marker may still get its record
	recordSoon   = 10 * time.Millisecond // how long Info waits for a record
	betweenLooks = time.Millisecond
)

// readRecord reads the record in the marker. If the marker is newborn and has no record,
// readRecord waits for the record, for the time soon at most. A file that is not regular, is
// too big or may not be read has no record.
func (m marker) readRecord(soon time.Duration) (process.Record, bool) {
	for until := time.Now().Add(soon); ; time.Sleep(betweenLooks) {
		text, written := m.content()
		if r, ok := process.Parse(text); ok {
			return r, true
		}
		if time.Since(written).Abs() > newborn || time.Now().After(until) {
			return process.Record{}, false
		}
	}
}

// content returns the content of the marker and when it was last written. It returns
// neither if the marker is not a regular file, cannot be read, or is longer than a record.
func (m marker) content() (text []byte, written time.Time) {
	text, info, err := file.Read(m.path, 0, process.MaxRecord+1)
	if err != nil || len(text) > process.MaxRecord {
		return nil, time.Time{}
	}
	return text, info.ModTime
}
