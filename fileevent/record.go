package fileevent

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/beside"
	"github.com/fsync-lock/fsync/internal/line"
)

// A record says who set an event, in the marker. It is one JSON object and a
// newline, written in one piece by the Set that made the marker, right after it
// made it: nobody has to wait for the record to be woken, and a marker that is
// complete when it gets its name takes twice as long to make. Nobody writes to
// a marker again: a Set that finds one replaces it, see renew. So there is a
// whole record in it or, for a moment or for ever, none; half of one is none.
type record struct {
	Version int       `json:"fsync"`
	ID      string    `json:"id,omitempty"` // of this Set: 16 hexadecimal digits, for the trace
	PID     int       `json:"pid"`
	Host    string    `json:"host,omitempty"`
	Boot    string    `json:"boot,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Command string    `json:"command,omitempty"`
	Note    string    `json:"note,omitempty"`
}

const (
	recordFormat  = "fsync"
	recordVersion = 1
	maxRecord     = line.MaxRecord
	maxBoot       = 128
)

// self is the record of this process without what differs between Sets.
var self = sync.OnceValue(func() record {
	r := record{Version: recordVersion, PID: os.Getpid(), Boot: boot(), Command: line.Program()}
	r.Host, _ = os.Hostname()
	return r
})

// record writes the record into the marker that has just been made. Its
// failure leaves none, and is no error: the event is set.
func (e *Event) record(marker *os.File) {
	r := self()
	r.ID = fmt.Sprintf("%016x", rand.Uint64())
	r.Since, r.Note = time.Now().UTC().Truncate(time.Millisecond), e.note
	if _, err := marker.Write(r.encode()); err != nil {
		marker.Truncate(0) // it may have been written in part
	}
}

// encode returns the record as it stands in the file. What is too long is cut.
func (r record) encode() []byte {
	return line.Fit(func(cut func(string) string) []byte {
		return line.Begin(recordFormat, r.Version).Text("id", r.ID).Number("pid", r.PID).
			Text("host", cut(r.Host)).Text("boot", r.Boot).Time("since", r.Since).
			Text("command", cut(r.Command)).Text("note", cut(r.Note)).End()
	})
}

// parseRecord is strict: what is not a whole record of our version is none.
func parseRecord(text []byte) (record, bool) {
	var r record
	if len(text) > maxRecord || !line.Parse(text, &r) || r.Version != recordVersion {
		return record{}, false
	}
	if r.PID <= 0 || r.PID > math.MaxInt32 || len(r.Boot) > maxBoot {
		return record{}, false
	}
	r.Since = line.Plausible(r.Since)
	return r, true
}

// A newborn marker may get its record yet.
const (
	newborn      = time.Second
	recordSoon   = 10 * time.Millisecond
	betweenLooks = time.Millisecond
)

// readRecord reads the record in the marker, for which it waits a moment if
// the marker is newborn. There is none in what is not a regular file, which is
// not opened, or is too big, or may not be read.
func (m marker) readRecord(soon time.Duration) (record, bool) {
	for until := time.Now().Add(soon); ; time.Sleep(betweenLooks) {
		text, born := m.content()
		if r, ok := parseRecord(text); ok {
			return r, true
		}
		if time.Since(born).Abs() > newborn || time.Now().After(until) {
			return record{}, false
		}
	}
}

// content returns what is in the marker, or its beginning if that is more than
// a record, and when it was last written if that is known.
func (m marker) content() (text []byte, born time.Time) {
	info, err := os.Lstat(m.path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, time.Time{} // to open a device can have effects
	}
	f, err := os.OpenFile(m.path, os.O_RDONLY|beside.OpenFlags, 0)
	if err != nil {
		return nil, time.Time{}
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, time.Time{}
	}
	text, err = io.ReadAll(io.LimitReader(f, maxRecord+1))
	if err != nil || len(text) > maxRecord {
		return nil, time.Time{}
	}
	return text, info.ModTime()
}
