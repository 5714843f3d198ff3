package process

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
)

// A Record is a line in a file, one JSON object and a newline. It describes the process
// that wrote it. Encode cuts its texts so that the line is never longer than [MaxRecord].
type Record struct {
	Version int       `json:"fsync"`        // comes first, so that a reader knows a record by its first bytes
	ID      string    `json:"id,omitempty"` // a random ID of one Set of an event
	PID     int       `json:"pid"`
	Start   string    `json:"start,omitempty"` // tells apart processes with the same PID
	Host    string    `json:"host,omitempty"`
	Boot    string    `json:"boot,omitempty"`  // tells apart boots of one host; empty = not known
	PIDNS   string    `json:"pidns,omitempty"` // PID namespace; empty = not known, or the system has none
	Since   time.Time `json:"since,omitzero"`
	Command string    `json:"command,omitempty"` // the name of the program
	Note    string    `json:"note,omitempty"`
}

const (
	// MaxRecord is the largest length of a record. A record and one more byte fit in a page.
	MaxRecord = 4095

	// Mark is the beginning of a record of any version.
	Mark = `{"` + format + `":`

	// Version is the version of the records that Parse accepts.
	Version = 1

	format      = "fsync"
	maxIdentity = 128 // the largest length of ID, Start, Boot and PIDNS, which Encode does not cut
)

// Encode returns the line.
func (r Record) Encode() []byte {
	r.Since = plausible(r.Since.UTC())     // encoding/json refuses a year after 9999
	for limit := MaxRecord; ; limit /= 2 { // in JSON a control character takes six bytes
		short := r
		short.Host, short.Command, short.Note = printable.Cut(r.Host, limit), printable.Cut(r.Command, limit), printable.Cut(r.Note, limit)
		text, _ := printable.JSONLine(short) // no other field can fail
		if len(text) <= MaxRecord {
			return text
		}
	}
}

// Parse reads a record. It accepts only a whole record of this version, and nothing
// after it.
func Parse(text []byte) (Record, bool) {
	var r Record
	if len(text) > MaxRecord || bytes.IndexByte(text, '\n') != len(text)-1 || json.Unmarshal(text, &r) != nil {
		return Record{}, false
	}
	if r.Version != Version || r.PID <= 0 || r.PID > math.MaxInt32 || max(len(r.ID), len(r.Start), len(r.Boot), len(r.PIDNS)) > maxIdentity {
		return Record{}, false
	}
	r.Since = plausible(r.Since)
	return r, true
}

// plausible returns the time. It returns the zero time for one before 2000 or more than a
// day in the future, because then the clock of the writer was wrong.
func plausible(when time.Time) time.Time {
	if when.UTC().Year() < 2000 || time.Until(when) > 24*time.Hour {
		return time.Time{}
	}
	return when
}

// program returns the name of the program that this process runs, without its directory
// and without its arguments, which may contain secrets.
func program() string {
	if len(os.Args) > 0 && os.Args[0] != "" {
		return filepath.Base(os.Args[0])
	}
	path, err := os.Executable()
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}
