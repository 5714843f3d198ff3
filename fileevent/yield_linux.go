package fileevent

import "golang.org/x/sys/unix"

// yield lets waiters run that this process has just woken. The kernel often puts them on the
// same processor (sched(7)), where they would wait until the record is written. sched_yield(2)
// takes a microsecond if no other process wants the processor, and otherwise until the next
// turn of this process.
func yield() { unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
