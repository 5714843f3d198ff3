// Package filelock provides locks between unrelated processes that share only
// the path of a file.
//
//	lock := filelock.New("/run/backup/backup.lock")
//	err := lock.With(ctx, func(ctx context.Context) error {
//		return backup(ctx) // one process at a time
//	})
//
// Most programs need only [New] and [Lock.With]. [Lock.TryAcquire] takes the
// lock without waiting. [NewSemaphore] allows several holders at a time,
// [Shared] any number of readers. [AcquireAll] takes several locks without a
// deadlock. [Adopt] takes over a lock from another process. A slot of a
// semaphore is a lock: all that follows is true of slots.
//
// # What is promised
//
// The lock is the kernel's: flock(2), or LockFileEx on Windows. It excludes
// every process that locks the same file in the same way: with this package,
// gofrs/flock, flock(1) or Python's fcntl.flock. A dead process holds nothing,
// however it died. This package never breaks a lock because of its age or a
// process ID.
//
// On Linux, a waiter sleeps in flock(2) and uses almost no CPU time. When its context
// ends, it returns at once and leaves nothing behind: no blocked thread, no file, and no
// place in a queue. A process has one thread in the kernel for each path that it waits for,
// however many goroutines wait, and up to 64 threads for a semaphore, one for each slot.
//
// A waiter polls where it could not end a wait in the kernel: on other systems, on FUSE
// and network file systems, and if the program ignores SIGURG. It also polls if 128
// threads of the process wait already. The pause between two tries grows
// from about 1 ms to at most 25 ms. Waiters that poll may overtake and be overtaken. At a
// deadline, every waiter tries once more.
//
// The waiters of one process get the lock in the order in which they came. On
// Unix, waiters of different processes pass one by one through a gate, a
// turnstile: the lock file .NAME.gate beside the lock file. So a tight loop of
// release and acquire does not overtake waiters, and overlapping readers do not
// keep a writer out. TryAcquire, and the last try at a deadline, may overtake.
// If the process that holds the gate is stopped (SIGSTOP), the waiters behind it
// find a free lock within a second. Without a gate, as in a directory without
// write permission, the kernel's order holds.
//
// The gate exists while a process waits, and some milliseconds longer. It may stay if a
// process is killed at the gate, or if a process ends or replaces itself (execve(2))
// right after its wait. A later waiter removes the gate, or ignores it if it may not
// remove it. The name is reserved: a file of that name is removed if it is empty or was
// written by this package.
//
// Any process may remove, replace or rename the lock file at any time. An
// acquisition counts only if the locked file is still the file at the path;
// otherwise it starts again with the file that is there now. The first waiter
// checks once a second that it still waits for the file at the path. [Lock.Check]
// tells a holder whether its lock file was removed or replaced.
//
// A lock file is a regular file or a directory. A device, or a symbolic link at
// the end of the path, is refused unless the option [AnyFile] permits it.
//
// The content of a lock file does not change, with one exception: an exclusive
// holder writes a record of itself, for [Lock.Holders], and removes the record when
// the hold ends. It writes only into a slot, a file called NAME.lock, and the file of a
// lock with a [Note], and only if the file is empty or contains a record that a crash
// left behind. The record names the program without its arguments; [NoRecord] prevents
// it.
//
// # What is not promised
//
//   - The lock is advisory: it does not stop a process that does not ask for it.
//   - A process that may read a lock file can lock it, and so keep others out.
//     On NFS, an exclusive lock needs permission to write. Only a process that may
//     write in the directory can create a missing lock file or semaphore.
//   - If a lock file is removed while it is held, the next process locks a new
//     file and both run. This package never removes a lock file; do not remove
//     it either.
//   - fcntl(2) locks (POSIX locks, lockf, Python's fcntl.lockf) are another
//     kind. On a local file system the two kinds do not see each other.
//   - Between hosts, exclusion depends on the file system. A host that was cut
//     off may believe that it holds a lock that another host now has.
//   - The end of a goroutine releases nothing; the end of the process does.
//   - There is no priority. Programs that do not know the gate, such as
//     flock(1), may overtake.
//   - A try may find the lock held for a moment, although no process wants it. A
//     shared waiter takes the lock exclusively once a second, to see whether it is
//     free. A lock that a process has left to others ([Lock.File], [Lock.Leave]) is
//     held until each child process that is just being started has called execve(2).
//   - On Windows a child process does not inherit a hold, a lock file cannot be
//     removed while it is held, and there is no gate.
package filelock
