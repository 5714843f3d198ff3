package journal

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// Unread is how many lines of a journal are no runs that can be read, by
// reasons.
type Unread struct {
	Torn    int // not whole: what a crash or a full disk has left
	Foreign int // not of this format
	Future  int // of a later version of the format
	Long    int // longer than any that Append writes
}

// Total is the number of all of them.
func (u Unread) Total() int { return u.Torn + u.Foreign + u.Future + u.Long }

// String says how many there are, and why: "2 torn, 1 of a later
// version".
func (u Unread) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{{u.Torn, "torn"}, {u.Foreign, "not of a journal"}, {u.Future, "of a later version"}, {u.Long, "too long"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

func (u *Unread) add(other Unread) {
	u.Torn += other.Torn
	u.Foreign += other.Foreign
	u.Future += other.Future
	u.Long += other.Long
}

// Read returns the runs of a journal in the order of its lines, which is the
// order in which they ended. Other lines are passed over and
// counted, except for empty ones. It needs memory for the runs, and none for
// the rest. The error is that of r, and the runs are those before it.
func Read(r io.Reader) (runs []Run, unread Unread, err error) {
	lines := bufio.NewReaderSize(r, 64<<10)
	var text []byte
	for {
		var long bool
		text, long, err = readLine(lines, text[:0])
		switch run, as := decode(text); {
		case long:
			unread.Long++
		case as == aRun:
			runs = append(runs, run)
		case as == torn:
			unread.Torn++
		case as == foreign:
			unread.Foreign++
		case as == future:
			unread.Future++
		}
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return runs, unread, err
		}
	}
}

// readLine reads a line into text. Of a line that is too long it keeps
// nothing.
func readLine(r *bufio.Reader, text []byte) (_ []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > maxLine; long {
			text = text[:0]
		} else {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, long, err
		}
	}
}

// kind is what a line turned out to be.
type kind int

const (
	empty kind = iota
	aRun
	torn
	foreign
	future
)

func decode(text []byte) (Run, kind) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return Run{}, empty
	}
	if !json.Valid(text) {
		return Run{}, wreck(text)
	}
	var v struct {
		Version int `json:"fsync_run"`
	}
	switch err := json.Unmarshal(text, &v); {
	case err != nil:
		return Run{}, foreign
	case v.Version > version:
		return Run{}, future
	case v.Version != version:
		return Run{}, foreign
	}
	var l entry
	if json.Unmarshal(text, &l) != nil {
		return Run{}, foreign
	}
	run := l.run()
	if run.check() != nil {
		return Run{}, foreign
	}
	return run, aRun
}

// wreck tells what is left of one of our lines from others. A file system that
// had made the file longer and not written it yet when the machine crashed
// leaves zeros.
func wreck(text []byte) kind {
	text = bytes.TrimLeft(text, "\x00")
	if n := min(len(text), len(mark)); string(text[:n]) == mark[:n] {
		return torn
	}
	return foreign
}

// ReadFile reads the journal at path, and before it the older runs in PATH.1,
// if there is one. The error is a [*fs.PathError].
func ReadFile(path string) (runs []Run, unread Unread, err error) {
	files, err := openPair(path)
	if err != nil {
		return nil, unread, err
	}
	for _, f := range files {
		defer f.Close()
		more, u, e := Read(f)
		runs = append(runs, more...)
		unread.add(u)
		err = cmp.Or(err, e)
	}
	return runs, unread, err
}

// openPair opens PATH.1 and PATH, each if it is there. A writer may rename PATH
// to PATH.1 between the two: it has not if afterwards the file at PATH is the
// one that was opened.
func openPair(path string) ([]*os.File, error) {
	for tries := 0; ; tries++ {
		newer, err := os.Open(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		older, errOlder := os.Open(path + ".1")
		if same(newer, path) || tries == manyTries {
			switch {
			case newer == nil && older == nil:
				return nil, err
			case newer == nil:
				return []*os.File{older}, nil
			case older == nil && !errors.Is(errOlder, fs.ErrNotExist):
				newer.Close()
				return nil, errOlder
			case older == nil:
				return []*os.File{newer}, nil
			}
			return []*os.File{older, newer}, nil
		}
		newer.Close()
		older.Close()
	}
}

// manyTries is for file systems that do not tell files apart reliably.
const manyTries = 100

// same reports whether the file, which may be nil for none, still is the one
// at path.
func same(f *os.File, path string) bool {
	at, err := os.Stat(path)
	if f == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	info, errOpen := f.Stat()
	return err == nil && errOpen == nil && os.SameFile(at, info)
}
