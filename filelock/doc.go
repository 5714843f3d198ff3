// Package filelock is a lock between processes that know nothing of each
// other but the path of a file.
//
//	lock := filelock.New("/run/backup/backup.lock")
//	err := lock.With(ctx, func(ctx context.Context) error {
//		return backup(ctx) // one process at a time
//	})
//
// Most programs need [New] and [Lock.With], or [Lock.TryAcquire] to do
// something else while the lock is held elsewhere. [NewSemaphore] lets several
// in at a time, [Shared] any number of readers, and [AcquireAll] takes several
// locks without a deadlock. What is said of locks here holds for a semaphore's
// slots, each of which is one.
//
// # What is promised
//
// The lock is the kernel's: flock(2), or LockFileEx on Windows. It excludes
// everyone who locks the same file the same way: this package, gofrs/flock,
// flock(1), Python's fcntl.flock. A process that dies, however it dies, holds
// nothing afterwards. No lock is broken because of its age or a process ID.
//
// Waiting is done in the kernel's queue, which costs no CPU, by one thread for
// each path and mode that a process waits for, or one for each slot, and one at
// the gate (see below), however many of its goroutines wait. A wait that is
// given up leaves its thread there, because nothing in Go can interrupt it,
// until the lock comes or another wait of the process takes it over. Past 128
// such threads a process polls instead, at first every few milliseconds, at
// last ten times a second, and goes past the gate: it may overtake then, and be
// overtaken.
//
// Waiters of one process are served first come first served. On Unix, waiters
// of different processes pass one by one through a gate, the file .NAME.gate
// beside the lock file, which is there only while somebody waits: the name is
// reserved, and what is there is removed if it is empty or was written by this
// package. A gate left over from a process that ended at once is removed by the
// next that finds it and does not end within a millisecond of its Acquire, or
// ignored if that is not allowed to. A tight loop of
// release and acquire does not overtake who waits, and overlapping readers do
// not keep a writer out. Where there can be no gate, in a directory without
// write permission for example, the kernel's order holds. If the first in the
// queue is stopped (SIGSTOP), the others find a free lock within a second.
// TryAcquire, and the last try of a wait that times out, may overtake.
//
// The lock file may be removed, replaced or renamed by anyone at any time. An
// acquisition counts only if the locked file is the one at the path; if it is
// not, it is repeated on the one that is. The first in the queue looks once a
// second whether the file that it waits for is the one at the path still.
//
// A lock file is a regular file or a directory. A symbolic link at the end of
// the path is refused, and so is a device, unless [AnyFile] asks for them.
//
// What a lock file contains is left alone, with one exception: an exclusive
// holder writes who it is into a slot, or into a file that is called NAME.lock,
// if that is empty or has such a record in it that a crash left behind. It is
// for [Lock.Holders], and removed when the hold ends. It names the program, not
// its arguments; [NoRecord] keeps it from being written.
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
//   - Locks end with the process, not with a goroutine.
//   - Whoever may read a lock file may lock it, except over NFS, where an
//     exclusive lock needs permission to write. To make what is missing, a lock
//     file or a semaphore with its slots, needs permission in the directory.
//   - Others that lock the same file, such as flock(1), do not know the gate
//     and may overtake. There is no priority.
//   - A wait that was given up may be granted the lock for the moment that it
//     takes to give it back, and a shared wait that has had to stand for a
//     second takes the lock exclusively for a moment, to see whether it is free.
//     Another process that tries in such a moment is told that the lock is held.
//   - On Windows a hold is not inherited by a child process, and a lock file
//     cannot be removed while it is held. There is no gate.
package filelock
