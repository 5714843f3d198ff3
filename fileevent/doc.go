// Package fileevent provides events for unrelated processes: one sets, any
// number wait. An event is a marker, a plain file whose existence means that
// the event is set. There is no daemon, and nothing to clean up after a crash.
//
//	ready := fileevent.New("/run/app/db.ready")
//	ready.Set()     // in one process
//	ready.Wait(ctx) // in any other
//
// The marker's existence is the only truth. Creating the file with touch(1)
// sets the event, removing it with rm(1) clears it, and ls(1) shows it. The
// content of a marker means nothing. Whatever stands at the path counts, also
// a symbolic link that leads nowhere; nothing at the path is ever followed
// or truncated.
//
// Events behave as threading.Event does in Python: [Event.Set] and
// [Event.Clear] are idempotent, and [Event.Wait] returns at once if the event
// is set. The state outlives the processes, and the machine's next start if
// the directory does.
//
// # Pulses
//
// A Set wakes every Wait, in whatever process, that began before that Set was
// called, even if a Clear follows at once and the marker is gone by the time
// the waiters look. To that end Clear does not remove the marker DIR/NAME but
// moves it to DIR/.fsync/NAME.pulse, where it stays as a trace until the next
// Clear. The trace says nothing about whether the event is set. One Set ends a
// Wait once: who then clears the event and waits again waits for another Set,
// even if the first one has not returned yet. A removal by rm(1) leaves no
// trace, and what was set only for a moment before it may go unseen. So may a
// Clear directly followed by a Set: [Event.WaitClear] waits to find the marker
// gone. A directory that is moved to DIR while somebody waits there brings its
// traces, and they may end the wait.
//
// # Waiting
//
// Waiters sleep until the file system reports a change, typically for less
// than 0.1 ms after it. Where it does not report changes, or there are no
// watchers left to be had, they look 100 times per second at first and at last
// four times. In any case they look once per second, for what was reported to
// nobody, and nothing is ever concluded from a report alone.
//
// # Permissions
//
// Whoever may write to the directory may set and clear; whoever may search it
// may wait. DIR/.fsync gets the permissions of DIR when it is made, but for the
// sticky bit; who changes those of DIR later changes those of DIR/.fsync too. In a sticky
// directory such as /tmp everybody may set, and only the owner of a marker may
// clear. Whoever may write to the directory can also disturb the event: it
// protects against accidents, not against enemies.
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
