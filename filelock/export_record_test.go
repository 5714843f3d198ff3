package filelock

import "github.com/fsync-lock/fsync/internal/process"

// Steps of recording, for a Lock that is held.
func RemoveRecord(l *Lock) { l.holds[0].removeRecord() }
func RecordNow(l *Lock)    { l.holds[0].recordNow() }

// Flush records the holds that are old enough, at once.
func Flush() { pending.Flush() }

// IsPending reports whether the hold is not recorded yet, but will be.
func IsPending(l *Lock) bool { return pending.Has(l.holds[0]) }

const RecordAfter = recordAfter

func HolderIn(r process.Record) Holder { return holderIn(r, 0) }
