package filelock

import "github.com/fsync-lock/fsync/internal/process"

// The steps of recording, for a Lock that is held.
func Withdraw(l *Lock)  { l.holds[0].removeRecord() }
func RecordNow(l *Lock) { l.holds[0].recordNow() }

// Flush records at once the holds that are old enough.
func Flush() { pending.Flush() }

// IsPending reports whether the hold is still to be recorded.
func IsPending(l *Lock) bool {
	return pending.Has(l.holds[0])
}

const RecordAfter = recordAfter

func HolderIn(r process.Record) Holder { return holderIn(r, 0) }
