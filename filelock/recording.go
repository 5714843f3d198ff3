package filelock

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"time"
)

// How a hold gets its record.
//
// Most holds are short, and no process asks about them. So a record is written only
// after a hold has lasted for recordAfter. A shorter hold does not write to the
// file, except to remove a record that a crash left. The lock file is open for
// reading only (see openAndLock), so a second descriptor, open for a moment,
// writes the record, and removes it before the unlock. A failure leaves no record,
// and is not an error.

// recordAfter is how long a hold lasts before it is recorded; it may be up to
// twice as long.
const recordAfter = 10 * time.Millisecond

// keepsRecords is false on systems that emulate flock with fcntl locks: there, to
// close the second descriptor would release the lock.
const keepsRecords = runtime.GOOS != "aix" && runtime.GOOS != "solaris"

// young has the holds that will get a record if they last. One timer serves all of
// them, because a timer for each would make an acquisition a tenth slower.
var young = struct {
	mu    sync.Mutex
	holds map[*handle]struct{}
	armed bool // ripen will be called
}{holds: map[*handle]struct{}{}}

// A recording is the record of one hold.
type recording struct {
	announced bool
	note      string
	since     time.Time

	mu      sync.Mutex // guards the fields below; held while the file is written
	over    bool       // the hold is ending: nothing may be written any more
	written []byte     // the record in the file
}

// announce makes the hold get a record if it lasts. It is only for exclusive holds:
// several holders would erase each other's records.
//
// It is only for files that are nothing but lock files. A script may lock itself, a
// job its log or its PID file, and write to it while it is locked. So the caller
// must know that the file is a lock file, and the content must be empty or a
// record.
func (h *handle) announce(note string) {
	if !keepsRecords {
		return
	}
	if h.size > 0 {
		if _, err := h.mayRewrite(isOurs); err != nil {
			return
		}
	}
	h.rec.announced, h.rec.note, h.rec.since = true, note, time.Now()
	young.mu.Lock()
	defer young.mu.Unlock()
	young.holds[h] = struct{}{}
	if !young.armed {
		young.armed = true
		time.AfterFunc(recordAfter, ripen)
	}
}

// recorders limits the goroutines that write records. Each may block an OS thread
// while a file system hangs, and Go aborts a process that needs more than 10,000
// threads.
var recorders = make(chan struct{}, 64)

// ripen writes the records of holds that are old enough, each in its own goroutine,
// because a file system may be slow.
func ripen() {
	now := time.Now()
	young.mu.Lock()
	defer young.mu.Unlock()
	for h := range young.holds {
		if now.Sub(h.rec.since) >= recordAfter {
			delete(young.holds, h)
			go func() {
				recorders <- struct{}{}
				defer func() { <-recorders }()
				h.record()
			}()
		}
	}
	if young.armed = len(young.holds) > 0; young.armed {
		time.AfterFunc(recordAfter, ripen)
	}
}

// endsYoung removes the hold from young, and reports whether it was there, so that
// it has no record and will get none.
func (h *handle) endsYoung() bool {
	young.mu.Lock()
	defer young.mu.Unlock()
	_, yes := young.holds[h]
	delete(young.holds, h)
	return yes
}

// recordNow writes the record at once, before a process inherits the hold: that
// process may write to the file itself, for example its PID.
func (h *handle) recordNow() {
	if h.rec.announced && h.endsYoung() {
		h.record()
	}
}

// record writes the record, unless the hold ends first.
func (h *handle) record() {
	h.rec.mu.Lock()
	defer h.rec.mu.Unlock()
	if h.rec.over || !h.rec.announced {
		return
	}
	r := self()
	r.Note, r.Since = h.rec.note, h.rec.since.UTC().Truncate(time.Millisecond)
	text := r.encode()
	mayWrite := isOurs
	if h.size == 0 { // any content now was written by a program that shares our lock
		mayWrite = func(text []byte) bool { return len(text) == 0 }
	}
	err := h.rewrite(mayWrite, func(f *os.File, old []byte) error {
		if keep := halfOf(old, recordOffset+len(text)); keep < len(old) {
			if err := f.Truncate(int64(keep)); err != nil {
				return err
			}
		}
		_, err := f.WriteAt(text, recordOffset)
		if err != nil {
			f.Truncate(0) // a part of it may have been written
		}
		return err
	})
	if err == nil {
		h.rec.written = text
	}
}

// halfOf returns how many bytes of an old record, which a crash left, may stay while
// a new one of the given length is written over it. The rest of the old record
// must not be a whole record, or a reader could take a mix of both for one, and it
// must be shorter than the new one. The file is not emptied before, because on
// ext4 a process that empties, writes and closes a file waits for the disk
// (ext4(5), auto_da_alloc).
func halfOf(old []byte, new int) int {
	keep := min(len(old), new-1)
	if newline := bytes.IndexByte(old, '\n'); newline >= 0 {
		keep = min(keep, newline)
	}
	return keep
}

// withdraw removes the record. It must come before the unlock: after that, the file
// belongs to the next holder.
func (h *handle) withdraw() {
	if !h.rec.announced {
		return
	}
	if h.endsYoung() {
		if h.size > 0 { // a record that a crash left
			h.rewrite(isOurs, empty)
		}
		return
	}
	h.rec.mu.Lock() // waits for record
	defer h.rec.mu.Unlock()
	h.rec.over = true
	if h.rec.written == nil {
		return
	}
	mine := isRecord(h.rec.written)
	h.rec.written = nil
	h.rewrite(mine, empty)
}

func empty(f *os.File, _ []byte) error { return f.Truncate(0) }

// leaveRecord ends the recording of a hold that this process leaves. It returns the
// record in the file, for removeLeft, or nil if there is none.
func (h *handle) leaveRecord(f *os.File) (written []byte) {
	if !h.rec.announced {
		return nil
	}
	if h.endsYoung() {
		if h.size > 0 && relock(f) { // a record that a crash left; a process that inherited the hold may have unlocked the file
			h.rewrite(isOurs, empty)
		}
		return nil
	}
	h.rec.mu.Lock() // waits for record
	defer h.rec.mu.Unlock()
	h.rec.over = true
	return h.rec.written
}

// removeLeft removes the record of a hold that this process has left. It tries to
// lock the file again, so it never writes to a file that another process holds:
//
//   - A process has inherited the hold: the try fails, and the record stays.
//   - Another process holds the lock now: the try fails. That holder replaces or
//     removes our record. If it is flock(1) or another program, the record stays
//     until a process with this package locks the file.
//   - That holder has already released the lock: the file is empty, or still has
//     our record because that hold was short.
//
// A process that tries at this moment finds the lock held, as it would have a
// moment before.
func (h *handle) removeLeft(written []byte) {
	again, err := target{path: h.fl.Path(), dir: h.dir, absent: true}.try()
	if err != nil {
		return
	}
	defer again.release()
	if sameFile(again.file, h.file) {
		again.rewrite(isRecord(written), empty)
	}
}

// isRecord returns a function that reports whether a file's content is the record.
func isRecord(written []byte) func([]byte) bool {
	return func(text []byte) bool { return bytes.Equal(text, append([]byte{0}, written...)) }
}

// isOurs reports whether this package may write to a lock file with this content:
// it is empty, or one record that a crash left behind, of any version and perhaps
// incomplete. NULs may follow: the rest of a longer record after a power failure.
func isOurs(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	newline := bytes.IndexByte(text, '\n')
	return bytes.HasPrefix(text, []byte(recordMark)) && len(text) <= recordOffset+maxRecord &&
		(newline < 0 || len(bytes.Trim(text[newline+1:], "\x00")) == 0)
}

var errNotOurs = errors.New("the content belongs to another program")

// mayRewrite returns the content of the locked file. It fails unless the file has
// one name and mayWrite accepts the content. It reads through the locked
// descriptor: another one, open for writing, would keep the file from being
// executed, and on Windows no other descriptor can read byte 0.
func (h *handle) mayRewrite(mayWrite func([]byte) bool) ([]byte, error) {
	locked, err := h.open()
	if err != nil {
		return nil, err
	}
	info, err := locked.Stat()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.NewSectionReader(locked, 0, recordOffset+maxRecord+1))
	if err != nil || links(info) > 1 || !mayWrite(text) { // a directory cannot be read
		return nil, errors.Join(err, errNotOurs)
	}
	return text, nil
}

// rewrite changes the content of the locked file if mayWrite accepts the old one.
func (h *handle) rewrite(mayWrite func([]byte) bool, write func(f *os.File, old []byte) error) error {
	old, err := h.mayRewrite(mayWrite)
	if err != nil {
		return err
	}
	path, err := h.dir.Path(h.fl.Path())
	if err != nil {
		return err
	}
	f, err := openFile(path, os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	is, err := f.Stat()
	if err != nil || !h.file.is(is) { // another file is at the path now
		return errors.Join(err, errNotOurs)
	}
	return write(f, old)
}
