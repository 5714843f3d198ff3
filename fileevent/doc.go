// Package fileevent provides events for unrelated processes: one sets, any
// number wait. An event is a marker, a plain file whose existence means that
// the event is set. There is no daemon, and nothing that has to be cleaned up
// after a crash.
//
//	ready := fileevent.New("/run/app/db.ready")
//	ready.Set()     // in one process
//	ready.Wait(ctx) // in any other
//
// The marker's existence is the only truth. Creating the file with touch(1)
// sets the event, removing it with rm(1) clears it, and ls(1) shows it.
// Whatever stands at the path counts, also a symbolic link that leads nowhere;
// nothing at the path is ever followed or truncated.
//
// Events behave as threading.Event does in Python: [Event.Set] and
// [Event.Clear] are idempotent, and [Event.Wait] returns at once if the event
// is set. The state outlives the processes, and the machine's next start if
// the directory does. It is not written to the disk at once, as with fsync(2):
// after a power failure it is what the file system remembers.
//
// [WaitAny] and [WaitAll] wait for many events in one call. With [AutoReset]
// an event is taken by one of those who wait, and cleared by that.
//
// # Pulses
//
// A Set wakes every Wait, in whatever process, that began before that Set was
// called, even if a Clear follows at once and the marker is gone by the time
// the waiters look. To that end Clear does not remove the marker DIR/NAME but
// moves it to DIR/.fsync/NAME.pulse, where it stays as a trace until the next
// Clear or [Event.Tidy]. A process that is killed while it makes DIR/.fsync may leave an empty
// directory .fsync.X there, with X random digits, which is nobody's. The trace
// says nothing about whether the event is set. One Set ends a Wait once: who
// then clears the event and waits again waits for another Set, even if the
// first one has not returned yet. A removal by rm(1) leaves no trace, and what
// was set only for a moment before it may go unseen. So may a Clear directly
// followed by a Set: [Event.WaitClear] waits to find the marker gone. A
// directory that is moved to DIR while somebody waits there brings its traces,
// and they may end the wait.
//
// Waits that take an event, see [AutoReset], leave a trace as Clear does, and pay
// no attention to it themselves: what has been cleared cannot be taken.
//
// # Every Set
//
// A program that waits, clears and waits again misses what was set while it was
// busy, if others do the same. [Event.Watch] is for programs that act on each
// change, such as a new version of a configuration: any number of listeners,
// each of which sees every Set, however slow it is and whoever clears the event.
// Sets that follow each other faster than a listener acts count as one.
//
// # Waiting
//
// Waiters sleep until the file system reports a change, typically for less
// than 0.1 ms after it. However many wait in a process, they share one watcher
// and one watch per directory, and those who wait for one event share one look
// at it. Once per second it is made sure that the watched directory is still
// the one at the path, and what was reported to nobody is looked for: a
// directory that is removed, replaced, renamed or mounted over delays the
// waiters by up to a second (longer if it is so large that to read it takes
// more than a tenth of that), and one that does not exist yet, with those above
// it, may be waited in. Nothing is ever concluded from a report alone.
//
// A directory is polled where there are no watchers left to be had (Linux has
// 128 per user), where the file system does not report what other hosts do
// (NFS, SMB, FUSE and others, which are watched too, for what is done on this
// host), and where it does not exist yet. It is looked at 100 times per second
// at first and at last four times; less often if that takes long, so that it
// costs at most a tenth of a processor. Who waits for many events in it does
// not look for each, but reads the directory, and the file DIR/.fsync/board
// where Clear then leaves word. That a directory is polled, and why, and that a
// watch was lost, is logged by [log/slog] to its default logger on the level
// Debug.
//
// What another host does is seen when this host learns of it, which on NFS and
// FUSE may be some seconds later, depending on how it was mounted.
//
// # Who set it
//
// [Event.Info] says who set the event, when, and with which [Note]. Set writes
// that into the marker it made, as one line of JSON; after that nobody writes
// to a marker. A marker that touch made has no such record and is just as set.
// A Set of an event that is set replaces the marker in one step, so that Info
// tells of the last Set, and waits with [MaxAge] see how old it is. A process
// that is killed in between may leave a file .fsync.X or .fsync/X.new, which is
// nobody's. The record has the name of the setter's program, not its arguments:
// who may read the marker may read it.
//
// # Permissions
//
// A user who may write to the directory may set and clear. A user who may search
// it may wait; with AutoReset that needs the permission to clear too. DIR/.fsync
// gets the owner, group and mode of DIR when it is made, and on Linux its ACL: so
// the same users may use both, whichever of them came first, and nobody else.
// Only the sticky bit is left out. If you change the permissions of DIR later,
// change those of DIR/.fsync too, or remove it while nobody waits. In a sticky
// directory such as /tmp everybody may set, and only the owner of a marker may
// clear or take it. A user who may write to the directory can also disturb the
// event: it protects against accidents, not against enemies.
//
// # Errors
//
// What the system refuses is a [*fs.PathError] that names the file: the marker,
// its directory, or the trace in DIR/.fsync. With [errors.Is] callers find in
// it [fs.ErrPermission], [fs.ErrNotExist] (the directory is missing),
// syscall.ENOSPC and so on, and [fs.ErrInvalid] where a path cannot be a
// marker's or something else stands in the trace's place. The end of a wait's
// context is an error that wraps the context's, see [Event.Wait]. Nothing is
// unsupported anywhere: where there are no watchers, waits poll.
//
// # Names
//
// The last element of the path is the name of the marker. It cannot be empty,
// ".", ".." or ".fsync".
package fileevent
