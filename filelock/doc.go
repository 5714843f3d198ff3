// Package filelock is a lock between processes that know nothing of each
// other but the path of a file.
//
//	lock := filelock.New("/run/backup/backup.lock")
//	err := lock.With(ctx, func(ctx context.Context) error {
//		return backup(ctx) // one process at a time
//	})
//
// Most programs need [New] and [Lock.With], or [Lock.TryAcquire] to do
// something else while the lock is held elsewhere.
//
// # What is promised
//
// The lock is the kernel's: flock(2), or LockFileEx on Windows. It excludes
// everyone who locks the same file the same way: this package, gofrs/flock,
// flock(1), Python's fcntl.flock. A process that dies, however it dies, holds
// nothing afterwards. No lock is broken because of its age or a process ID.
//
// Waiting is done in the kernel's queue and not by polling.
//
// The lock file may be removed, replaced or renamed by anyone at any time. An
// acquisition counts only if the locked file is the one at the path; if it is
// not, it is repeated on the one that is.
//
// # What is not promised
//
//   - The lock is advisory: it stops nobody who does not ask for it. Whoever
//     may read the lock file may lock it, and so keep others out.
//   - A lock file that is removed while the lock is held leaves its holder with
//     a lock that nobody who comes later will meet. This package never
//     removes a lock file; do not remove it either.
//   - fcntl(2) locks (POSIX locks, lockf, Python's fcntl.lockf) are another
//     family; on a local file system they and these ignore each other.
//   - There is no promise between hosts: that is up to the file system, and a
//     host that was cut off may hold a lock that another one has been given.
//   - Locks end with the process, not with a goroutine, and there is no order
//     between processes beyond what the kernel does.
//   - On Windows a hold is not inherited by a child process, and a lock file
//     cannot be removed while it is held.
package filelock
