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

// Unread counts the lines of a journal that could not be read as runs, by reason.
type Unread struct {
	Torn    int // partial lines, which a crash or a full disk left
	Foreign int // not of this format
	Future  int // of a later version of the format
	Long    int // longer than Append writes
}

// Total returns the number of all such lines.
func (u Unread) Total() int { return u.Torn + u.Foreign + u.Future + u.Long }

// String lists the counts that are not 0: "2 torn, 1 of a later version". It is
// "none" if all are 0.
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

// Read returns the runs of a journal: first those that have ended, in the order in
// which they ended, then those whose end is not recorded. Lines that are not runs
// are counted in unread; empty lines are ignored. An error is the error of r; the
// runs are those before the error. Read needs memory for the runs only.
func Read(r io.Reader) (runs []Run, unread Unread, err error) {
	s := scan{f: func(r Run) { runs = append(runs, r) }}
	err = s.read(r)
	s.end()
	return runs, s.unread, err
}

// A scan calls f with each run of one or more files, in the order of Read.
type scan struct {
	f       func(Run)
	running map[identity]Run // runs whose end was not read yet
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
		case as == lineRun:
			s.add(run)
		case as == lineTorn:
			s.unread.Torn++
		case as == lineForeign:
			s.unread.Foreign++
		case as == lineFuture:
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

// end is called when all is read. It calls f with the runs whose end is not
// recorded.
func (s *scan) end() {
	left := slices.SortedFunc(maps.Values(s.running), func(a, b Run) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.PID, b.PID))
	})
	for _, r := range left {
		s.f(r)
	}
}

// readLine reads a line into text. It reads a line that is too long to its end,
// but keeps nothing of it.
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

// ReadFile returns the runs of PATH.1, which are older, and of the journal at
// path, as [Read] does. One of the two files may be missing. The error is an
// [*fs.PathError].
func ReadFile(path string) (runs []Run, unread Unread, err error) {
	unread, err = Each(path, func(r Run) { runs = append(runs, r) })
	return runs, unread, err
}

// Each calls f with each run of PATH.1 and of the journal at path, in the order of
// [ReadFile]. It keeps only the runs that have not ended, so even a long journal
// takes little memory.
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

// openPair opens PATH.1 and PATH, if they exist. A writer may rename PATH to PATH.1
// between the two opens. It did not if the file at PATH is still the one that was
// opened; otherwise openPair tries again.
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
			case oneFile(newer, older): // a writer was killed in the middle of a rotation
				older.Close()
				return []*os.File{newer}, nil
			}
			return []*os.File{older, newer}, nil
		}
		newer.Close()
		older.Close()
	}
}

// oneFile reports whether a and b are the same file, which they are in the middle
// of a rotation.
func oneFile(a, b *os.File) bool {
	if a == nil || b == nil {
		return false
	}
	one, err := a.Stat()
	other, errOther := b.Stat()
	return err == nil && errOther == nil && os.SameFile(one, other)
}

// manyTries bounds the tries of openPair: os.SameFile is not reliable on all file
// systems, and a writer that was killed does not finish its rotation.
const manyTries = 100

// same reports whether f is still the file at path. A nil f stands for no file.
func same(f *os.File, path string) bool {
	at, err := os.Stat(path)
	if f == nil {
		return errors.Is(err, fs.ErrNotExist)
	}
	info, errOpen := f.Stat()
	return err == nil && errOpen == nil && os.SameFile(at, info)
}
