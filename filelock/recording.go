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
// Most holds are short, and nobody asks about them. So a record is written
// only when a hold has lasted for recordAfter, and a hold that ends sooner has
// touched nothing, unless to remove what a crash left. The lock file is open for reading only (see openAndLock);
// the record is written, and removed before the unlock, through a second
// descriptor that is open for a moment. Every failure to do so leaves no
// record, and is no error.

// recordAfter is how long a hold lasts before it is recorded; it may be up to
// twice as long.
const recordAfter = 10 * time.Millisecond

// keepsRecords is false where locks are emulated with fcntl locks: there the
// lock would be lost when the second descriptor is closed.
const keepsRecords = runtime.GOOS != "aix" && runtime.GOOS != "solaris"

// young are the holds that are to be recorded if they last. One timer serves
// all of them: one of its own for each costs a tenth of an acquisition.
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
	over    bool       // the hold ends: nothing may be written any more
	written []byte     // what stands in the file
}

// announce has the hold recorded if it lasts. It is for exclusive holds: of
// several holders one would erase what the others say.
//
// It is for lock files alone, too. Scripts lock themselves, jobs their log or
// their PID file, and write to it while it is locked. So the caller has to know
// that it is one, and what is in it has to be ours when it is locked.
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

// recorders bounds the goroutines that write records. Each has a thread while
// a file system does not answer, and a process that has too many is ended.
var recorders = make(chan struct{}, 64)

// ripen has the holds recorded that are not young any more, each by itself,
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

// endsYoung reports whether the hold is not and will not be recorded.
func (h *handle) endsYoung() bool {
	young.mu.Lock()
	defer young.mu.Unlock()
	_, yes := young.holds[h]
	delete(young.holds, h)
	return yes
}

// recordNow writes the record before somebody inherits the hold, who may have
// plans of his own for the file, such as to write his PID into it.
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
	if h.size == 0 { // whatever is there now was put there under our lock
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
			f.Truncate(0) // it may have been written in part
		}
		return err
	})
	if err == nil {
		h.rec.written = text
	}
}

// halfOf returns how much of what a crash left may stay while a record is
// written over it that is as long as new in the file: no whole record, or
// somebody could take the two together for one, and less than the new one has.
// The file is not emptied for that: ext4 has who empties a file, writes and
// closes it wait for the disk (ext4(5), auto_da_alloc).
func halfOf(old []byte, new int) int {
	keep := min(len(old), new-1)
	if newline := bytes.IndexByte(old, '\n'); newline >= 0 {
		keep = min(keep, newline)
	}
	return keep
}

// withdraw removes the record, and comes before the unlock: after it the file
// is somebody else's to write.
func (h *handle) withdraw() {
	if !h.rec.announced {
		return
	}
	if h.endsYoung() {
		if h.size > 0 { // what a crash left
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

// leaveRecord ends the recording of a hold that this process leaves, and returns
// what stands in the file, for removeLeft. Nothing does if the hold was short.
func (h *handle) leaveRecord(f *os.File) (written []byte) {
	if !h.rec.announced {
		return nil
	}
	if h.endsYoung() {
		if h.size > 0 && relock(f) { // what a crash left; an heir may have unlocked the file
			h.rewrite(isOurs, empty)
		}
		return nil
	}
	h.rec.mu.Lock() // waits for record
	defer h.rec.mu.Unlock()
	h.rec.over = true
	return h.rec.written
}

// removeLeft removes the record of a hold that this process has left. It locks
// the file again, as anybody would, so nothing is written that belongs to
// another process:
//
//   - A process has inherited the hold: the try fails, and the record stays.
//   - Another process holds the lock by now: the try fails. That holder replaces
//     our record or removes it, unless it is a stranger such as flock(1); then
//     the record stays until one of ours comes.
//   - That holder has released the lock already: what is in the file is not our
//     record any more, or still is because its hold was short.
//
// A process that tries in this moment finds the lock held, as it would have a
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

// isRecord reports of a file's content whether it is the record.
func isRecord(written []byte) func([]byte) bool {
	return func(text []byte) bool { return bytes.Equal(text, append([]byte{0}, written...)) }
}

// isOurs reports whether a lock file with this content, the whole of it, is
// ours to write: it is empty, or one record, of whatever version, that a crash
// left behind, and perhaps before it was complete. NULs behind it are what a
// disk had of a longer one when the power failed.
func isOurs(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	newline := bytes.IndexByte(text, '\n')
	return bytes.HasPrefix(text, []byte(recordMark)) && len(text) <= recordOffset+maxRecord &&
		(newline < 0 || len(bytes.Trim(text[newline+1:], "\x00")) == 0)
}

var errNotOurs = errors.New("it is not ours to write")

// mayRewrite returns what is in the locked file, and no error if that is only a
// lock file, and mayWrite agrees to what is in it. It reads through the locked descriptor: nobody can
// execute a file that is open for writing, and on Windows nobody else can read
// byte 0.
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

// rewrite changes the locked file's content if mayWrite agrees to what is in
// it.
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
	if err != nil || !h.file.is(is) { // somebody put another one there
		return errors.Join(err, errNotOurs)
	}
	return write(f, old)
}
