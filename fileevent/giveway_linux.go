package fileevent

import "golang.org/x/sys/unix"

// giveWay lets those run first who have just been woken. The kernel likes to
// put them on the processor of whoever woke them (sched(7)), where they would
// wait until the record is written; sched_yield(2) is meant for those who have
// just released what others wait for. It costs a microsecond if nobody does,
// and on a busy machine a turn.
func giveWay() { unix.Syscall(unix.SYS_SCHED_YIELD, 0, 0, 0) }
