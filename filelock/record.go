package filelock

import (
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/process"
)

// A record names the holder of a lock, in the lock file itself. An exclusive holder
// writes it for processes that cannot ask their kernel for the holder: in another PID
// namespace, on another host, or on another system. The record is a hint. A holder that
// dies leaves it behind, so the answer of the kernel counts more.
//
// In the file, the record is a NUL and the line of a process.Record. Byte 0 is never
// written, because LockFileEx on Windows locks it even against reading.
const (
	recordOffset = 1
	recordMark   = "\x00" + process.Mark // the first bytes of a lock file with a record
	maxContent   = recordOffset + process.MaxRecord
)

// readRecord reads the record in the file at path. ok is false if there is none.
func readRecord(path string) (r process.Record, ok bool) {
	if !keepsRecords {
		return r, false
	}
	text, _, err := file.Read(path, recordOffset, process.MaxRecord+1)
	if err != nil {
		return r, false
	}
	return process.Parse(text)
}

// holderIn returns the holder that a record names. Its PID is the one in the PID
// namespace of the writer.
func holderIn(r process.Record, slot int) Holder {
	return Holder{PID: r.PID, Host: r.Host, Command: r.Command, Note: r.Note, Since: r.Since, Slot: slot}
}
