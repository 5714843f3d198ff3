package filelock

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/process"
)

// How a hold gets its record.
//
// Most holds are short, and no process asks about them. So the record is written
// only after the hold has lasted for recordAfter; a shorter hold writes nothing.
// The lock file is open for reading only (see openAndLock), so a second descriptor,
// open for a moment, writes the record, and removes it before the unlock. A
// failure leaves no record, and is not an error.

// recordAfter is how long a hold lasts before it is recorded; it may be up to
// twice as long.
const recordAfter = 10 * time.Millisecond

// keepsRecords is false on systems that emulate flock with fcntl locks: there, to
// close the second descriptor would release the lock.
const keepsRecords = runtime.GOOS != "aix" && runtime.GOOS != "solaris"

// pending has the holds that will get a record if they last. One timer serves all of
// them: to start one wakes another thread, which takes half as long as a hand-over.
var pending = struct {
	mu    sync.Mutex
	holds map[*handle]struct{}
	timed bool // flush will be called
}{holds: map[*handle]struct{}{}}

// A recording is the record of one hold.
type recording struct {
	announced bool // the hold gets a record if it lasts
	note      string
	since     time.Time

	mu      sync.Mutex // guards the fields below; held while the record is written
	over    bool       // nothing may be written any more: the record is written, or the hold is ending
	written []byte     // the record in the file
}

// announce makes the hold get a record if it lasts. It is only for exclusive holds:
// several holders would erase each other's records.
//
// It is only for files that are nothing but lock files. A script may lock itself, a
// job its log or its PID file, and write to it while it is locked. So the caller
// must know that the file is a lock file, and the content must be empty or a
// record that a crash left. Such a record is removed at once.
func (h *handle) announce(note string) {
	if !keepsRecords || h.size > 0 && h.rewrite(isOurs, nil) != nil {
		return
	}
	h.rec.announced, h.rec.note, h.rec.since = true, note, time.Now()
	pending.mu.Lock()
	defer pending.mu.Unlock()
	pending.holds[h] = struct{}{}
	if !pending.timed {
		pending.timed = true
		time.AfterFunc(recordAfter, flush)
	}
}

// flush writes the records of the pending holds that are old enough, each in its own
// goroutine, because a file system may be slow.
func flush() {
	pending.mu.Lock()
	defer pending.mu.Unlock()
	for h := range pending.holds {
		if time.Since(h.rec.since) >= recordAfter {
			delete(pending.holds, h)
			go h.record()
		}
	}
	if pending.timed = len(pending.holds) > 0; pending.timed {
		time.AfterFunc(recordAfter, flush)
	}
}

// record writes the record, unless it is written already, or the hold is ending.
func (h *handle) record() {
	h.rec.mu.Lock()
	defer h.rec.mu.Unlock()
	if h.rec.over {
		return
	}
	h.rec.over = true
	r := process.Self()
	r.Note, r.Since = h.rec.note, h.rec.since.UTC().Truncate(time.Millisecond)
	text := r.Encode()
	if h.rewrite(isEmpty, text) == nil {
		h.rec.written = text
	}
}

// recordNow writes the record at once, before a process inherits the hold: that
// process may write to the file itself, for example its PID.
func (h *handle) recordNow() {
	if h.rec.announced {
		h.record()
	}
}

// endRecord ends the recording of a hold that is ending. It returns the record in
// the file, or nil if there is none.
func (h *handle) endRecord() (written []byte) {
	if !h.rec.announced {
		return nil
	}
	pending.mu.Lock()
	delete(pending.holds, h)
	pending.mu.Unlock()
	h.rec.mu.Lock() // waits for record
	defer h.rec.mu.Unlock()
	h.rec.over = true
	return h.rec.written
}

// withdraw removes the record. It must come before the unlock: after that, the file
// belongs to the next holder.
func (h *handle) withdraw() {
	if text := h.endRecord(); text != nil {
		h.rewrite(isRecord(text), nil)
	}
}

// removeLeft removes the record of a hold that this process has left. It tries to
// lock the file again, so it never writes to a file that another process holds:
//
//   - A process has inherited the hold: the try fails, and the record stays.
//   - Another process holds the lock now: the try fails. That holder replaces or
//     removes our record. If it is flock(1) or another program, the record stays
//     until a process with this package locks the file.
//   - That holder has already released the lock: the file is empty, or still has
//     our record because that holder was another program.
//
// A process that tries at this moment finds the lock held, as it would have a
// moment before.
func (h *handle) removeLeft(text []byte) {
	again, err := target{path: h.fl.Path(), dir: h.dir, absent: true}.try()
	if err != nil {
		return
	}
	defer again.release()
	if sameFile(again.file, h.file) {
		again.rewrite(isRecord(text), nil)
	}
}

// Which content of a lock file this package may replace: none, a certain record, or
// one record that a crash left behind, of any version and perhaps incomplete. NULs
// may follow it, instead of the rest of the file after a power failure.

func isEmpty(text []byte) bool { return len(text) == 0 }

func isRecord(written []byte) func([]byte) bool {
	return func(text []byte) bool { return bytes.Equal(text, append([]byte{0}, written...)) }
}

func isOurs(text []byte) bool {
	record, rest, _ := bytes.Cut(text, []byte("\n"))
	return bytes.HasPrefix(record, []byte(recordMark)) && len(text) <= maxContent && len(bytes.Trim(rest, "\x00")) == 0
}

var errNotOurs = errors.New("the content belongs to another program")

// rewrite writes a record into the locked file, which is empty, or empties it if
// there is no record to write. It does so only if the file has one name and
// mayWrite accepts the content. It reads the content through the locked
// descriptor: another one, open for writing, would keep the file from being
// executed, and on Windows no other descriptor can read byte 0.
func (h *handle) rewrite(mayWrite func([]byte) bool, record []byte) error {
	locked, err := h.open()
	if err != nil {
		return err
	}
	info, err := locked.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.NewSectionReader(locked, 0, maxContent+1))
	if err != nil || links(info) > 1 || !mayWrite(text) { // a directory cannot be read
		return errors.Join(err, errNotOurs)
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
	// One descriptor does not do both: on ext4, to close a file that was emptied and
	// then written starts writing to the disk (ext4(5), auto_da_alloc).
	if record == nil {
		return f.Truncate(0)
	}
	if _, err := f.WriteAt(record, recordOffset); err != nil {
		f.Truncate(0) // a part of it may have been written
		return err
	}
	return nil
}
