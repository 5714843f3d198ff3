package filelock

import (
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/line"
)

// A record says who holds a lock, in the lock file itself. An exclusive holder
// leaves it there for those who cannot ask their kernel: processes in another
// PID namespace, on another host, and on systems whose kernel does not tell.
// It is a hint. A holder that dies leaves it behind, so whatever the kernel
// says goes before it.
//
// In the file it is one JSON object and a newline behind a NUL: byte 0 is
// never written, because LockFileEx on Windows locks it even against reading.
// The version comes first in the object, so that the first bytes tell a file
// that is ours to write from one that somebody else put something into.
type record struct {
	Version int       `json:"fsync"`
	PID     int       `json:"pid"`
	Start   string    `json:"start,omitempty"` // tells apart processes with one PID
	Host    string    `json:"host,omitempty"`
	Boot    string    `json:"boot,omitempty"`  // tells apart boots of one host; empty = not known
	PIDNS   string    `json:"pidns,omitempty"` // PID namespace; empty = there are none
	Since   time.Time `json:"since,omitzero"`
	Command string    `json:"command,omitempty"` // the name of the program
	Note    string    `json:"note,omitempty"`
}

const (
	recordFormat  = "fsync"
	recordVersion = 1
	recordMark    = "\x00{\"fsync\":" // what a lock file with a record begins with
	recordOffset  = 1
	maxRecord     = line.MaxRecord
	maxIdentity   = 256 // what encode does not cut: start, boot and PID namespace
)

// self is the record of this process without what differs between holds.
var self = sync.OnceValue(func() record {
	r := record{Version: recordVersion, PID: os.Getpid(), Command: line.Program()}
	r.Host, _ = os.Hostname()
	r.Start, r.Boot, r.PIDNS = system()
	return r
})

// prepareRecord begins to find out who we are, which the first record takes
// most of its time for. It is called when somebody has to wait, so that it is
// known when the lock comes.
var prepareRecord = sync.OnceFunc(func() { go self() })

// encode returns the record as it stands in the file. What is too long is cut.
func (r record) encode() []byte {
	return line.Fit(func(cut func(string) string) []byte {
		return line.Begin(recordFormat, r.Version).Number("pid", r.PID).Text("start", r.Start).
			Text("host", cut(r.Host)).Text("boot", r.Boot).Text("pidns", r.PIDNS).Time("since", r.Since).
			Text("command", cut(r.Command)).Text("note", cut(r.Note)).End()
	})
}

// parseRecord is strict: what is not a whole record of our version is none.
func parseRecord(text []byte) (record, bool) {
	var r record
	if !line.Parse(text, &r) || r.Version != recordVersion || r.PID <= 0 || r.PID > math.MaxInt32 {
		return record{}, false
	}
	if len(r.Start)+len(r.Boot)+len(r.PIDNS) > maxIdentity {
		return record{}, false
	}
	r.Since = line.Plausible(r.Since)
	return r, true
}

// readRecord reads the record in the file at path. There is none in what is
// not a regular file, or too big.
func readRecord(path string) (record, bool) {
	if at, err := lookAt(path); !keepsRecords || err != nil || !at.exists || !at.mode.IsRegular() {
		return record{}, false // looked at before it is opened: see target.look
	}
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return record{}, false
	}
	defer f.Close()
	if _, err := f.Seek(recordOffset, io.SeekStart); err != nil {
		return record{}, false
	}
	// One call: it may be written meanwhile, and a second one, which ReadAt would
	// make, could go on in another record.
	text := make([]byte, maxRecord)
	n, err := f.Read(text)
	if err != nil && err != io.EOF {
		return record{}, false
	}
	return parseRecord(text[:n])
}

// mayHold reports whether the holder that wrote the record may still be there,
// as far as that can be told without asking the kernel about the lock. Who is
// out of sight, on another host or in another PID namespace, may be.
func (r record) mayHold() bool {
	me := self()
	switch {
	case (r.Boot == "") != (me.Boot == ""): // /proc is missing here, or was there
		return true
	case r.Boot != me.Boot:
		return r.Host != me.Host // else this host was booted since
	case r.Boot == "" && r.Host != me.Host, r.PIDNS != me.PIDNS, !ownProc():
		return true
	}
	start, alive := processStart(r.PID)
	return alive && (start == "" || start == r.Start)
}

// holder is what the record says. The PID is the one that its writer knows.
func (r record) holder() Holder {
	return Holder{PID: r.PID, Host: r.Host, Command: r.Command, Note: r.Note, Since: r.Since}
}
