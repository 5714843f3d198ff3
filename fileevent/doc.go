// Package fileevent provides events for unrelated processes: one process sets an
// event, and any number of processes wait for it. An event is a marker, a plain
// file: the event is set while the file exists. There is no daemon, and nothing
// to clean up after a crash.
//
//	ready := fileevent.New("/run/app/db.ready")
//	ready.Set()     // in one process
//	ready.Wait(ctx) // in any other
//
// Only the existence of the marker counts. touch(1) sets the event, rm(1) clears
// it, and ls(1) shows it. Any kind of file at the path counts, even a broken
// symbolic link; this package never follows or truncates it.
//
// Events behave as threading.Event does in Python: [Event.Set] and [Event.Clear]
// are idempotent, and [Event.Wait] returns at once if the event is set. The state
// outlives the processes, and a reboot unless the directory is in memory. No call
// syncs it to the disk: after a power failure it may be an older state.
//
// [WaitAny] and [WaitAll] wait for many events in one call. With [AutoReset] one
// of the waiters takes the event, and that clears it.
//
// # Pulses
//
// A pulse is a Set directly followed by a Clear. A Set wakes every Wait, in any
// process, that began before that Set was called, even if the marker is gone when
// the waiters look. For that purpose Clear does not delete the marker DIR/NAME but
// moves it to DIR/.fsync/NAME.pulse, where it is the tombstone of the event. The
// tombstone stays there until the next Clear or [Event.Tidy]; it does not say
// whether the event is set. A wait that takes an event, see [AutoReset], leaves a
// tombstone too, except on Windows. A tombstone does not end such a wait, because
// an event that is clear cannot be taken.
//
// One Set ends a Wait once. If a process is woken, clears the event and waits
// again, it waits for another Set, even if the first Set is still going on.
//
// A marker without a record, from touch(1), may have the inode of the one before. So if the
// marker that was cleared last has no record and was created in the last 10 ms, a Wait begins
// up to 20 ms after the call.
//
// rm(1) leaves no tombstone, so a Set directly followed by rm(1) may go unseen.
// [Event.WaitClear] may miss a Clear directly followed by a Set, because it must
// find the marker gone. If another directory is moved to DIR during a wait, a
// tombstone in it may end the wait.
//
// A process that is killed while it creates DIR/.fsync may leave an empty
// directory .fsync.X, with random digits X. It may be removed.
//
// # Every Set
//
// A program that waits, clears and waits again can miss a Set while it is busy,
// if other processes clear the event too. [Event.Watch] is for programs that act
// on each change, such as a new version of a configuration. There may be any
// number of listeners. Each sees every Set, even if it is slow or another process
// clears the event. Several Sets that come while a listener is busy count as one.
//
// # Waiting
//
// Waiters sleep until the file system reports a change, and typically wake less
// than 0.1 ms after it. All waiters of a process share one watcher and one watch
// per directory, and the waiters for one event share one look at it. A report
// only makes them look; what counts is the marker and its tombstone.
//
// Once per second the process checks that the watched directory is still the one
// at the path, and looks for changes that were not reported. So a directory that
// is removed, replaced, renamed or mounted over delays its waiters by up to a
// second. If thousands of goroutines wait for events of one directory, the process
// looks less often for changes that were not reported. A wait may begin before the
// directory and its parents exist.
//
// A directory is polled
//   - if it cannot be watched (Linux has 128 inotify instances per user),
//   - if the file system does not report what other hosts do (NFS, SMB, FUSE and
//     others; changes on this host are still reported at once), and
//   - if it does not exist yet.
//
// Polling starts with 100 looks per second and slows down to four, and to one if the
// file system or the machine is slow. If many goroutines wait, there are fewer, so that
// polling uses at most a tenth of a processor. On a local file system a process
// looks for its events only if the directory has changed since its last look. The
// default logger of [log/slog] gets a message on the level Debug when a directory
// is polled, with the reason, and when a watch was lost.
//
// A wait sees a change that another host makes when this host learns of it. On NFS
// and FUSE that may be some seconds later, depending on the mount options.
//
// A call that begins a wait occupies a thread until the file system answers. On a slow
// network file system, do not begin thousands of waits at the same moment: Go ends a
// process that needs more than 10,000 threads. One [WaitAny] for many events needs only
// one thread.
//
// # Who set it
//
// [Event.Info] tells which process set the event, when, and with which [Note].
// Set writes this record as one line of JSON into the marker that it creates; no
// process writes to a marker later. A marker that touch(1) created sets the event
// too, but has no record. If the event is already set, Set replaces the marker in one
// step: then Info tells of the last Set, and waits with [MaxAge] see its age. If Set may
// not replace the marker, see [Event.Set], Info still tells of the Set that made it. The
// record contains the name of the program that set the event, and not its arguments,
// because each user with read permission for the marker can read the record.
//
// A process that is killed in Set, Clear or a take may leave a file .fsync.X,
// .fsync/X.new or .fsync/X.taken, with random digits X. It may be removed.
//
// # Permissions
//
// To set or clear an event, a user needs write permission for the directory. To
// wait, search permission is enough; a wait with AutoReset also needs write
// permission. When DIR/.fsync is created, it gets the owner, group and mode of DIR,
// and on Linux the ACL, but not the sticky bit. So the same users may use both
// directories, whatever user creates DIR/.fsync. If you change the permissions of
// DIR later, change those of DIR/.fsync too, or remove DIR/.fsync while no process
// waits.
//
// In a sticky directory such as /tmp every user may set an event, but only the
// owner of the marker may clear or take it. A user with write permission for the
// directory can also disturb the event: events protect against accidents, not
// against enemies.
//
// # Errors
//
// An error of the system is a [*fs.PathError] that names the file: the marker,
// its directory, or the tombstone in DIR/.fsync. With [errors.Is] callers find
// [fs.ErrPermission], [fs.ErrNotExist] (the directory is missing), syscall.ENOSPC
// and so on. They find [fs.ErrInvalid] if no marker can have the path, or if another
// file is in the place of the tombstone. If the context of a wait ends, the error
// wraps the error of the context, see [Event.Wait]. No method fails because the
// system lacks a feature: without watchers, waits poll.
//
// # Names
//
// The last element of the path is the name of the marker. It cannot be empty,
// ".", ".." or ".fsync".
package fileevent
