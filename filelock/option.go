package filelock

import "io/fs"

// An Option configures a [Lock] or a [Semaphore].
type Option func(*config)

// A config has the values that the options set.
type config struct {
	shared   bool
	perm     fs.FileMode
	note     string
	noRecord bool
	anyFile  bool
	onWait   func()
}

// Shared makes a shared (reader) lock. Any number of shared locks can be held
// at once, but none while an exclusive lock is held.
func Shared() Option { return func(c *config) { c.shared = true } }

// Perm sets the mode, before umask, of a lock file that an acquisition creates. The
// default is 0o666, so the umask decides which users may lock the file: read
// permission is enough to lock it. The mode of an existing file does not change.
func Perm(mode fs.FileMode) Option { return func(c *config) { c.perm = mode.Perm() } }

// Note adds a text to the record of a hold, such as the name of a job;
// [Lock.Holders] shows it. Every process that may read the lock file can read
// the note. A long note is cut.
//
// The record is written into the lock file, whatever the name of the file is, if it is a
// regular file without content and without a second name. So do not give a note to a lock
// on a file that other programs write to, such as a log. A hold that is shared, or that
// lasts only some milliseconds, has no record.
func Note(text string) Option { return func(c *config) { c.note = text } }

// NoRecord keeps the record of the holder out of the lock file. It is for a
// program that replaces itself (execve(2)) while it holds the lock: the program
// that follows would not remove the record. Acquire also removes the gate before it
// returns, if no process waits for it.
func NoRecord() Option { return func(c *config) { c.noRecord = true } }

// OnWait makes Acquire, AcquireAll, TryAcquireFor and With call f when they begin to wait:
// the lock is held, by another process or by this one, or there may be other waiters. They
// call f in the goroutine of the caller, before other processes can see the waiter. A call
// that gets the lock at once does not call f.
func OnWait(f func()) Option { return func(c *config) { c.onWait = f } }

// AnyFile permits devices and symbolic links, which flock(1) accepts and a Lock
// refuses without this option.
//
// Device: the lock is on the device node, so two nodes of one device are two
// locks. Opening a device may have effects: a tape rewinds, a watchdog starts.
//
// Symbolic link at the end of the path: it is followed only if no other user can
// have put it there. The link and its directory must belong to this process's
// user or to root, and no other user may write in the directory, unless the directory
// is sticky, as /tmp is. The same is true of links to which it leads. Any other link is
// an error that is [fs.ErrInvalid]. The lock is on the file at the end, which is created
// if it is missing. If a link changes during a wait, the waiter goes on to the new file.
//
// Open file: paths such as /dev/fd/9 and /dev/stdin are accepted, whatever kind of
// file they lead to. The kernel opens that file again.
//
// A FIFO given by its name is still refused, because its writers would take this
// process for a reader. A [Semaphore] ignores the option.
func AnyFile() Option { return func(c *config) { c.anyFile = true } }
