package filelock

import "github.com/fsync-lock/fsync/internal/process"

// The steps of recording, for a Lock that is held.
func Withdraw(l *Lock)  { l.holds[0].withdraw() }
func RecordNow(l *Lock) { l.holds[0].recordNow() }

func HolderIn(r process.Record) Holder { return holderIn(r, 0) }
