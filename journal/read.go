package journal

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
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

// Read returns the runs of a journal in the order of its lines, which is the
// order in which they ended, and then those that had not ended: a line that a
// run was running is passed over if one of its end follows. Other lines are
// passed over and counted, except for empty ones. Read needs memory for the
// runs, and none for the rest. The error is that of r, and the runs are those
// before it.
func Read(r io.Reader) (runs []Run, unread Unread, err error) {
	s := scan{f: func(r Run) { runs = append(runs, r) }}
	err = s.read(r)
	s.end()
	return runs, s.unread, err
}

// A scan calls f with each run of some files, as Read returns them.
type scan struct {
	f       func(Run)
	running map[identity]Run // those of which no end was read yet
	unread  Unread
}

func (s *scan) read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	var text []byte
	for {
		var long bool
		var err error
		text, long, err = readLine(lines, text[:0])
		switch run, as := decode(text); {
		case long:
			s.unread.Long++
		case as == aRun:
			s.add(run)
		case as == torn:
			s.unread.Torn++
		case as == foreign:
			s.unread.Foreign++
		case as == future:
			s.unread.Future++
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *scan) add(r Run) {
	if r.Outcome == Running {
		if s.running == nil {
			s.running = map[identity]Run{}
		}
		s.running[r.identity()] = r
		return
	}
	if len(s.running) > 0 {
		delete(s.running, r.identity())
	}
	s.f(r)
}

// end is for when all is read: what is running now has no end to come.
func (s *scan) end() {
	left := slices.SortedFunc(maps.Values(s.running), func(a, b Run) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.PID, b.PID))
	})
	for _, r := range left {
		s.f(r)
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

// ReadFile reads the journal at path, and before it the older runs in PATH.1,
// if there is one, as [Read] does. The error is a [*fs.PathError].
func ReadFile(path string) (runs []Run, unread Unread, err error) {
	unread, err = Each(path, func(r Run) { runs = append(runs, r) })
	return runs, unread, err
}

// Each calls f with each run of the journal at path, in the order in which
// [ReadFile] returns them. It keeps none of them but those that had not ended,
// so a journal of any length takes little memory.
func Each(path string, f func(Run)) (Unread, error) {
	files, err := openPair(path)
	if err != nil {
		return Unread{}, err
	}
	s := scan{f: f}
	for _, file := range files {
		err = cmp.Or(err, s.read(file))
		file.Close()
	}
	s.end()
	return s.unread, err
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
		if same(newer, path) && !oneFile(newer, older) || tries == manyTries {
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
			case oneFile(newer, older): // the writer was killed between two steps of a rotation
				older.Close()
				return []*os.File{newer}, nil
			}
			return []*os.File{older, newer}, nil
		}
		newer.Close()
		older.Close()
	}
}

// oneFile reports whether both are one file, as they are in the middle of a
// rotation.
func oneFile(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	one, err := a.Stat()
	other, errOther := b.Stat()
	return err == nil && errOther == nil && os.SameFile(one, other)
}

// manyTries is for file systems that do not tell files apart reliably, and for
// a rotation that nobody goes on with.
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
