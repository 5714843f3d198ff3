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

// A record in the marker tells which process set the event. It is one JSON object
// and a newline. Set writes it with one write(2) right after it has made the
// marker: so waiters wake before the record is written, and Set takes half the
// time of one that writes a file first and then renames it. No process writes to
// a marker again: a Set that finds one replaces it, see renew. So a marker has a
// whole record, or none, for a moment or for ever. Half a record counts as none.
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

// self returns the part of the record that is the same for all Sets of this
// process.
var self = sync.OnceValue(func() record {
	r := record{Version: recordVersion, PID: os.Getpid(), Boot: boot(), Command: line.Program()}
	r.Host, _ = os.Hostname()
	return r
})

// record writes the record into the marker that Set has just made. If that fails
// there is no record. That is not an error, because the event is set.
func (e *Event) record(marker *os.File) {
	r := self()
	r.ID = fmt.Sprintf("%016x", rand.Uint64())
	r.Since, r.Note = time.Now().UTC().Truncate(time.Millisecond), e.note
	if _, err := marker.Write(r.encode()); err != nil {
		marker.Truncate(0) // it may have been written in part
	}
}

// encode returns the record as it is in the file. Texts that are too long are cut.
func (r record) encode() []byte {
	return line.Fit(func(cut func(string) string) []byte {
		return line.Begin(recordFormat, r.Version).Text("id", r.ID).Number("pid", r.PID).
			Text("host", cut(r.Host)).Text("boot", r.Boot).Time("since", r.Since).
			Text("command", cut(r.Command)).Text("note", cut(r.Note)).End()
	})
}

// parseRecord accepts only a whole record of this version.
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

// A newborn marker may still get its record.
const (
	newborn      = time.Second
	recordSoon   = 10 * time.Millisecond
	betweenLooks = time.Millisecond
)

// readRecord reads the record in the marker. If the marker is newborn and has
// none, readRecord waits for it, for the time soon at most. A file that is not
// regular, is too big or may not be read has no record.
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

// content returns the content of the marker and when it was last written. It
// returns neither if the marker is not a regular file, cannot be read, or is
// longer than a record.
func (m marker) content() (text []byte, born time.Time) {
	info, err := os.Lstat(m.path)
	if err != nil || !info.Mode().IsRegular() {
		return nil, time.Time{} // opening a device can have effects
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
