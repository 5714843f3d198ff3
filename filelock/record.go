package filelock

import (
	"io"
	"os"

	"github.com/fsync-lock/fsync/internal/process"
)

// A record names the holder of a lock, in the lock file itself. An exclusive holder
// writes it for processes that cannot ask their kernel: in another PID namespace,
// on another host, or on a system whose kernel does not tell. It is a hint. A
// holder that dies leaves it behind, so the kernel's answer, if any, counts more.
//
// In the file it is a NUL and the line of a process.Record. Byte 0 is never written,
// because LockFileEx on Windows locks it even against reading.
const (
	recordOffset = 1
	recordMark   = "\x00" + process.Mark // the first bytes of a lock file with a record
	maxContent   = recordOffset + process.MaxRecord
)

// readRecord reads the record in the file at path, if it is a regular file with a
// record.
func readRecord(path string) (r process.Record, ok bool) {
	if at, err := lookAt(path); !keepsRecords || err != nil || !at.exists || !at.mode.IsRegular() {
		return r, false // look before the open: see target.look
	}
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return r, false
	}
	defer f.Close()
	if _, err := f.Seek(recordOffset, io.SeekStart); err != nil {
		return r, false
	}
	// One call only: a holder may write meanwhile. ReadAt could make a second call,
	// which would continue in another record.
	text := make([]byte, process.MaxRecord)
	n, err := f.Read(text)
	if err != nil && err != io.EOF {
		return r, false
	}
	return process.Parse(text[:n])
}

// holderIn returns the holder that a record names. The PID is that in the writer's
// PID namespace.
func holderIn(r process.Record, slot int) Holder {
	return Holder{PID: r.PID, Host: r.Host, Command: r.Command, Note: r.Note, Since: r.Since, Slot: slot}
}
