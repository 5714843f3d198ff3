package filelock

import (
	"bytes"
	"errors"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/later"
	"github.com/fsync-lock/fsync/internal/process"
)

// How a hold gets its record.
//
// Most holds are short, and no process asks about them. So the record is written
// only after the hold has lasted for recordAfter; a shorter hold writes nothing.
// The lock file is open for reading only (see openAndLock). So a second descriptor,
// which is open only for a moment, writes the record, and another one removes it before
// the unlock. If that fails there is no record, which is not an error.

// recordAfter is the shortest time after which a hold is recorded. The longest time is
// twice as long.
const recordAfter = 10 * time.Millisecond

// keepsRecords is false on systems where gofrs/flock emulates flock with fcntl locks:
// there, closing the second descriptor would release the lock.
const keepsRecords = runtime.GOOS != "aix" && runtime.GOOS != "solaris"

// pending has the holds that will get a record if they last.
var pending = later.Calls[*hold]{After: recordAfter, Every: recordAfter, Do: (*hold).record}

// A recording is the record of one hold.
type recording struct {
	planned bool // the hold gets a record if it lasts for recordAfter
	note    string
	since   time.Time

	mu      sync.Mutex // guards the fields below; held while the record is written
	over    bool       // the record is written, or the hold is ending: nothing more may be written
	written []byte     // the content of the file, if it is the record
}

// recordLater gives the hold a record if it lasts long enough. It is only for exclusive
// holds: several holders would erase each other's records.
//
// Only a file that has no other use gets a record. A script may lock itself, or a job may
// lock its log or its PID file, and write to the file while it is locked. So the caller
// must know that the file is a lock file (see records), and the file must be empty or
// contain a record that a crash left behind. Such a record is removed at once.
func (h *hold) recordLater(note string) {
	if !keepsRecords || h.size > 0 && h.removeStaleRecord() != nil {
		return
	}
	h.rec.planned, h.rec.note, h.rec.since = true, note, time.Now()
	pending.Add(h)
}

// record writes the record, unless it is written already, or the hold is ending.
func (h *hold) record() {
	h.rec.mu.Lock()
	defer h.rec.mu.Unlock()
	if h.rec.over {
		return
	}
	h.rec.over = true
	if h.isOutput() {
		return
	}
	r := process.Self()
	r.Note, r.Since = h.rec.note, h.rec.since.UTC().Truncate(time.Millisecond)
	content := append([]byte{0}, r.Encode()...)
	if h.replace(nil, content) == nil {
		h.rec.written = content
	}
}

// isOutput reports whether this process prints into the locked file, which is then a log.
func (h *hold) isOutput() bool {
	f, err := h.osFile()
	if err != nil {
		return false
	}
	locked, err := f.Stat()
	return err == nil && slices.ContainsFunc(outputs, func(f *os.File) bool {
		at, err := f.Stat()
		return err == nil && os.SameFile(at, locked)
	})
}

// outputs are the standard output and standard error with which the program started.
var outputs = []*os.File{os.Stdout, os.Stderr}

// recordNow writes the record at once, before another process inherits the hold: that
// process may write its own content to the file, for example its PID.
func (h *hold) recordNow() {
	if h.rec.planned {
		h.record()
	}
}

// stopRecording ends the recording, because the hold is ending. It returns the content
// that was written into the file, or nil.
func (h *hold) stopRecording() (written []byte) {
	if !h.rec.planned {
		return nil
	}
	pending.Remove(h)
	h.rec.mu.Lock() // waits for record
	defer h.rec.mu.Unlock()
	h.rec.over = true
	return h.rec.written
}

// removeRecord removes the record. It must be called before the unlock: after that, the
// file belongs to the next holder.
func (h *hold) removeRecord() {
	if written := h.stopRecording(); written != nil {
		h.replace(written, nil)
	}
}

// removeLeftRecord removes the record of a hold that this process has left. It tries to
// lock the file again, so it never writes to a file that another process holds:
//
//   - If a process has inherited the hold, the try fails, and the record stays.
//   - If another process holds the lock by now, the try fails. If its hold gets a record,
//     it has removed ours. Otherwise, for example because it is a reader or another program
//     such as flock(1), our record stays until the next hold that gets one.
//   - If that holder has already released the lock, the file is empty, or still has our
//     record because the hold got none.
//
// A process that tries to lock the file at this moment finds it held.
func (h *hold) removeLeftRecord(written []byte) {
	again, err := lockFile{path: h.fl.Path(), base: h.at.base, noCreate: true}.try()
	if err != nil {
		return
	}
	defer again.release()
	if again.id == h.id {
		again.replace(written, nil)
	}
}

// removeStaleRecord removes a record that a crash left. It fails if the file has other content.
func (h *hold) removeStaleRecord() error {
	content, err := h.content()
	if err != nil || !isRecord(content) {
		return errors.Join(err, errNotOurs)
	}
	return h.replace(content, nil)
}

// isRecord reports whether the content of a file is one record, of any version and
// perhaps incomplete. NULs may follow the record, as after a power failure.
func isRecord(content []byte) bool {
	record, rest, _ := bytes.Cut(content, []byte("\n"))
	return bytes.HasPrefix(record, []byte(recordMark)) && len(content) <= maxContent && len(bytes.Trim(rest, "\x00")) == 0
}

// content returns the first bytes of the locked file, one more than a record can have.
// It reads through the locked descriptor, because on Windows no other descriptor can
// read byte 0. A descriptor of a shell may be open for writing only (exec 9>FILE): then
// content opens the file again.
func (h *hold) content() ([]byte, error) {
	f, err := h.osFile()
	if err != nil {
		return nil, err
	}
	content, err := readShort(f)
	if wantsWrite(err) {
		if f, err = h.openAgain(os.O_RDONLY); err != nil {
			return nil, err
		}
		defer f.Close()
		content, err = readShort(f)
	}
	return content, err
}

func readShort(f *os.File) ([]byte, error) {
	return io.ReadAll(io.NewSectionReader(f, 0, maxContent+1))
}

// openAgain opens the locked file a second time, if the file is still at its path and
// has no second name.
func (h *hold) openAgain(flag int) (*os.File, error) {
	path, err := h.at.base.Path(h.fl.Path())
	if err != nil {
		return nil, err
	}
	f, err := file.Open(path, flag)
	if err != nil {
		return nil, err
	}
	info, err := file.Of(f)
	if err != nil || info.ID != h.id || info.Links > 1 {
		f.Close()
		return nil, errors.Join(err, errNotOurs)
	}
	return f, nil
}

var errNotOurs = errors.New("the content belongs to another program")

// replace replaces the content of the locked file, if the content is still old and the
// file has no second name. Either old or new must be empty: if one descriptor truncated
// the file and wrote to it, ext4 would write to the disk at the close (ext4(5),
// auto_da_alloc).
//
// While the descriptor is open, the file cannot be executed.
func (h *hold) replace(old, new []byte) error {
	content, err := h.content()
	if err != nil || !bytes.Equal(content, old) {
		return errors.Join(err, errNotOurs)
	}
	f, err := h.openAgain(os.O_RDWR)
	if err != nil {
		return err
	}
	defer f.Close()
	if len(new) == 0 {
		return f.Truncate(0)
	}
	if _, err := f.WriteAt(new[recordOffset:], recordOffset); err != nil {
		f.Truncate(0) // a part of the record may have been written
		return err
	}
	return nil
}
