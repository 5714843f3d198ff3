package filelock

import (
	"io"
	"math"
	"os"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/line"
)

// A record names the holder of a lock, in the lock file itself. An exclusive holder
// writes it for processes that cannot ask their kernel: in another PID namespace,
// on another host, or on a system whose kernel does not tell. It is a hint. A
// holder that dies leaves it behind, so the kernel's answer, if any, counts more.
//
// In the file it is a NUL, one JSON object and a newline. Byte 0 is never written,
// because LockFileEx on Windows locks it even against reading. The version comes
// first in the object, so that the first bytes tell a record from the content of
// another program.
type record struct {
	Version int       `json:"fsync"`
	PID     int       `json:"pid"`
	Start   string    `json:"start,omitempty"` // tells apart processes with the same PID
	Host    string    `json:"host,omitempty"`
	Boot    string    `json:"boot,omitempty"`  // tells apart boots of one host; empty = not known
	PIDNS   string    `json:"pidns,omitempty"` // PID namespace; empty = the system has none
	Since   time.Time `json:"since,omitzero"`
	Command string    `json:"command,omitempty"` // the name of the program
	Note    string    `json:"note,omitempty"`
}

const (
	recordFormat  = "fsync"
	recordVersion = 1
	recordMark    = "\x00{\"fsync\":" // the first bytes of a lock file with a record
	recordOffset  = 1
	maxRecord     = line.MaxRecord
	maxIdentity   = 256 // of start, boot and PID namespace, which encode does not cut
)

// self is the record of this process, without the fields of a single hold.
var self = sync.OnceValue(func() record {
	r := record{Version: recordVersion, PID: os.Getpid(), Command: line.Program()}
	r.Host, _ = os.Hostname()
	r.Start, r.Boot, r.PIDNS = system()
	return r
})

// prepareRecord calls self in the background, which takes most of the time of the
// first record. It is called at the start of a wait, so that self is ready when
// the lock is granted.
var prepareRecord = sync.OnceFunc(func() { go self() })

// encode returns the record as it is in the file. Long fields are cut.
func (r record) encode() []byte {
	return line.Fit(func(cut func(string) string) []byte {
		return line.Begin(recordFormat, r.Version).Number("pid", r.PID).Text("start", r.Start).
			Text("host", cut(r.Host)).Text("boot", r.Boot).Text("pidns", r.PIDNS).Time("since", r.Since).
			Text("command", cut(r.Command)).Text("note", cut(r.Note)).End()
	})
}

// parseRecord is strict: it accepts only a whole record of our version.
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

// readRecord reads the record in the file at path, if it is a regular file with a
// record.
func readRecord(path string) (record, bool) {
	if at, err := lookAt(path); !keepsRecords || err != nil || !at.exists || !at.mode.IsRegular() {
		return record{}, false // look before the open: see target.look
	}
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return record{}, false
	}
	defer f.Close()
	if _, err := f.Seek(recordOffset, io.SeekStart); err != nil {
		return record{}, false
	}
	// One call only: a holder may write meanwhile. ReadAt could make a second call,
	// which would continue in another record.
	text := make([]byte, maxRecord)
	n, err := f.Read(text)
	if err != nil && err != io.EOF {
		return record{}, false
	}
	return parseRecord(text[:n])
}

// mayHold reports whether the writer of the record may still run, without asking
// the kernel about the lock. A process that we cannot see, on another host or in
// another PID namespace, may run.
func (r record) mayHold() bool {
	me := self()
	switch {
	case (r.Boot == "") != (me.Boot == ""): // /proc is missing, here or for the writer
		return true
	case r.Boot != me.Boot:
		return r.Host != me.Host // the same host: it was booted since
	case r.Boot == "" && r.Host != me.Host, r.PIDNS != me.PIDNS, !ownProc():
		return true
	}
	start, alive := processStart(r.PID)
	return alive && (start == "" || start == r.Start)
}

// holder returns the holder of the record. The PID is that in the writer's PID
// namespace.
func (r record) holder() Holder {
	return Holder{PID: r.PID, Host: r.Host, Command: r.Command, Note: r.Note, Since: r.Since}
}
