package fileevent

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// traces is the directory beside the markers that the traces are in, so that
// writing them is not reported to those who watch the markers.
const traces = ".fsync"

// A trace is the file DIR/.fsync/NAME.pulse. Every Set of the event writes
// another random token into it. Who finds another token than before knows that
// there was a Set in between, however many there were and however short each
// was. No more than that is in it: whether the event is set, the marker says.
//
// A token is written in place, which needs no space on a full disk. A reader
// may see half of it, and another half than another reader: that makes it a
// different token while a Set is going on, which is no lie.
//
// A random token, unlike a count, does not come to be the same again when
// somebody removes the directory and makes it anew, does not grow, and needs
// no atomic append, which NFS does not have (open(2)).
type trace struct {
	parent string // DIR
	dir    string // DIR/.fsync
	name   string // NAME.pulse
}

// A token is what a trace held at some time; empty if there was none.
type token string

const tokenSize = 16 + 1 // hexadecimal digits and a newline

// blank is what a trace holds that no Set has written to yet. It has the room.
var blank = token(strings.Repeat(" ", tokenSize-1) + "\n")

func newToken() token { return token(fmt.Sprintf("%016x\n", rand.Uint64())) }

// differs reports whether somebody has renewed the trace since it held before.
// No token says nothing: the trace has been removed, or is not yet written.
func (now token) differs(before token) bool { return now != "" && now != before }

func (t trace) path() string { return t.dir + string(filepath.Separator) + t.name }

// read returns the token. It opens the file rather than ask for its state,
// because that is what makes an NFS client ask the server (nfs(5)).
func (t trace) read() (token, error) {
	f, err := t.open(os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	var buf [tokenSize]byte
	n, err := io.ReadFull(f, buf[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", err
	}
	if now := token(buf[:n]); now != blank {
		return now, nil
	}
	return "", nil
}

// prepare makes sure that the trace is there and can be written to, so that
// what can be foreseen to go wrong in renew goes wrong here.
func (t trace) prepare() error {
	return t.put(blank, func(*os.File) error { return nil })
}

// renew writes another token.
func (t trace) renew() error {
	now := newToken()
	return t.put(now, func(f *os.File) error {
		_, err := f.WriteAt([]byte(now), 0)
		return err
	})
}

// put opens the trace and writes to it. If it is missing it is made, with the
// first token in it; if somebody removes it or its directory meanwhile, again.
//
// A process that dies in here leaves the old token or the new one, or a file
// or an empty directory under a name that nobody looks for.
func (t trace) put(first token, write func(*os.File) error) error {
	for attempt := 0; ; attempt++ {
		err := t.write(write)
		if errors.Is(err, fs.ErrNotExist) {
			err = t.make(first, write)
		}
		if attempt == 2 || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
}

// write writes to the trace that is there. It opens without O_CREAT,
// which on somebody else's file in a sticky directory is refused where
// fs.protected_regular is set (proc_sys_fs(5)).
func (t trace) write(write func(*os.File) error) error {
	if info, err := os.Lstat(t.dir); err != nil {
		return err
	} else if !info.IsDir() { // through a symbolic link we would write elsewhere
		return &fs.PathError{Op: "open", Path: t.dir, Err: misplaced("not a directory")}
	}
	f, err := t.open(os.O_WRONLY)
	if err != nil {
		return err
	}
	return closed(f, write(f))
}

// open opens the trace if it is one. It neither follows a symbolic link nor
// waits for the other end of a FIFO. A file of another size or with a second
// name is somebody's that was put in the way, and not ours to write to.
func (t trace) open(flag int) (*os.File, error) {
	f, err := os.OpenFile(t.path(), flag|openFlags, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && (!info.Mode().IsRegular() || info.Size() > tokenSize || names(info) > 1) {
		err = &fs.PathError{Op: "open", Path: t.path(), Err: misplaced("not the trace of an event")}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// make makes the trace with a token in it. It gets its name when it is
// complete, with permissions and all, so that nobody is refused who comes in
// the middle. Of two processes that make one at a time the later replaces the
// other's, and where the directory is sticky and does not let it, writes to it.
func (t trace) make(now token, write func(*os.File) error) error {
	parent, err := os.Stat(t.parent)
	if err != nil {
		return err
	}
	if err := t.makeDir(parent); err != nil {
		return err
	}
	tmp := filepath.Join(t.dir, fmt.Sprintf("%016x.new", rand.Uint64()))
	err = t.fill(tmp, now, parent)
	if err == nil {
		if err = os.Rename(tmp, t.path()); err == nil {
			return nil
		}
	}
	os.Remove(tmp)
	if t.write(write) == nil {
		return nil // somebody was faster
	}
	return &fs.PathError{Op: "create", Path: t.path(), Err: errors.Unwrap(err)}
}

// fill makes a file that everybody may read who comes this far, and everybody
// may write who may write to the parent.
func (t trace) fill(path string, now token, parent fs.FileInfo) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|openFlags, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(string(now))
	inherit(f, parent, 0o444|parent.Mode()&0o222)
	return closed(f, err)
}

// makeDir makes the directory of the traces if it is missing. It too gets its
// name last. An empty one that somebody else has just made may be replaced.
func (t trace) makeDir(parent fs.FileInfo) error {
	if _, err := os.Lstat(t.dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	tmp := fmt.Sprintf("%s.%016x", t.dir, rand.Uint64())
	err := os.Mkdir(tmp, 0o700)
	if err == nil {
		err = inheritDir(tmp, parent)
	}
	if err == nil {
		if err = os.Rename(tmp, t.dir); err == nil {
			return nil
		}
	}
	os.Remove(tmp)
	if _, there := os.Lstat(t.dir); there == nil {
		return nil // somebody was faster
	}
	return &fs.PathError{Op: "mkdir", Path: t.dir, Err: errors.Unwrap(err)}
}

// closed closes the file and returns the first error. NFS tells about a full
// disk only now (close(2)).
func closed(f *os.File, err error) error {
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}
