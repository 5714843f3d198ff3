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

	"github.com/fsync-lock/fsync/internal/file"
)

// Unread counts the lines of a journal that could not be read as runs, by reason.
type Unread struct {
	Torn    int // partial lines, which a crash or a full disk left
	Foreign int // not of this format
	Future  int // of a later version of the format
	Long    int // longer than Append writes
}

// Total returns the sum of the counts.
func (u Unread) Total() int { return u.Torn + u.Foreign + u.Future + u.Long }

// String lists the counts that are not 0: "2 torn, 1 of a later version". It is
// "none" if all are 0.
func (u Unread) String() string {
	var parts []string
	for _, count := range []struct {
		n    int
		kind string
	}{{u.Torn, "torn"}, {u.Foreign, "not of a journal"}, {u.Future, "of a later version"}, {u.Long, "too long"}} {
		if count.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count.n, count.kind))
		}
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ", ")
}

// Read returns the runs of a journal: first those with another Outcome than [Running], in
// the order of their last lines, then the others, in the order of their starts. It counts lines that are not runs
// in unread, and ignores empty lines. If r fails, Read returns the error of r and the
// runs before it.
func Read(r io.Reader) (runs []Run, unread Unread, err error) {
	s := scanner{f: func(r Run) { runs = append(runs, r) }}
	err = s.read(r)
	s.end()
	return runs, s.unread, err
}

// A scanner reads one or more files, and calls f with each run, in the order of Read.
type scanner struct {
	f       func(Run)
	running map[identity]Run // runs whose last line so far says Running
	unread  Unread
}

func (s *scanner) read(r io.Reader) error {
	lines := bufio.NewReaderSize(r, 64<<10)
	var text []byte
	for {
		var long bool
		var err error
		if text, long, err = readLine(lines, text[:0]); long {
			s.unread.Long++
		} else {
			s.addLine(text)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (s *scanner) addLine(text []byte) {
	switch run, kind := decode(text); kind {
	case lineRun:
		s.add(run)
	case lineTorn:
		s.unread.Torn++
	case lineForeign:
		s.unread.Foreign++
	case lineFuture:
		s.unread.Future++
	}
}

func (s *scanner) add(r Run) {
	if r.Outcome == Running {
		if s.running == nil {
			s.running = map[identity]Run{}
		}
		s.running[r.identity()] = r
		return
	}
	delete(s.running, r.identity())
	s.f(r)
}

// end calls f with the runs whose last line says Running. The caller calls end after the
// last file.
func (s *scanner) end() {
	left := slices.SortedFunc(maps.Values(s.running), func(a, b Run) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.PID, b.PID), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Lock, b.Lock))
	})
	for _, r := range left {
		s.f(r)
	}
}

// readLine reads a line into text. It skips a line that is too long.
func readLine(r *bufio.Reader, text []byte) (_ []byte, long bool, err error) {
	for {
		part, err := r.ReadSlice('\n')
		if long = long || len(text)+len(part) > maxLine; !long {
			text = append(text, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return text, long, err
		}
	}
}

// ReadFile returns the runs of the journal at path as [Read] does, with the older runs
// in PATH.1. One of the two files may be missing. The error is an [*fs.PathError]; runs has
// those that could be read.
func ReadFile(path string) (runs []Run, unread Unread, err error) {
	unread, err = Each(path, func(r Run) { runs = append(runs, r) })
	return runs, unread, err
}

// Each calls f with each run that [ReadFile] would return, in the same order. Each keeps
// in memory only the runs whose last line so far says [Running], so it can read a long
// journal. If a file cannot be read, the error is an [*fs.PathError]; Each has called f with
// the runs that it could read.
func Each(path string, f func(Run)) (Unread, error) {
	files, err := openPair(path) // no files after an error
	s := scanner{f: f}
	for _, f := range files {
		err = cmp.Or(err, s.read(f))
		f.Close()
	}
	s.end()
	return s.unread, err
}

// maxTries bounds the tries of openPair, because on some file systems a file does not
// keep its ID.
const maxTries = 100

// openPair opens PATH.1 and PATH, if they exist. It tries again if a writer rotated
// the journal between the two opens.
func openPair(path string) ([]*os.File, error) {
	for try := 1; ; try++ {
		newer, err := os.Open(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		older, olderErr := os.Open(path + ".1")
		if isAt(newer, path) || try == maxTries {
			switch {
			case newer == nil && older == nil:
				return nil, err
			case newer == nil:
				return []*os.File{older}, nil
			case older == nil && !errors.Is(olderErr, fs.ErrNotExist):
				newer.Close()
				return nil, olderErr
			case older == nil:
				return []*os.File{newer}, nil
			case infoOf(newer).Is(infoOf(older)): // in the middle of a rotation
				older.Close()
				return []*os.File{newer}, nil
			}
			return []*os.File{older, newer}, nil
		}
		newer.Close()
		older.Close()
	}
}

// isAt reports whether f is the file at path. A nil f stands for no file.
func isAt(f *os.File, path string) bool {
	info, err := file.Stat(path)
	if f == nil {
		return err == nil && !info.Exists
	}
	return infoOf(f).Is(info)
}

// infoOf describes a file. For a nil file it returns the Info of a missing file.
func infoOf(f *os.File) file.Info {
	if f == nil {
		return file.Info{}
	}
	info, _ := file.Of(f)
	return info
}
