package locktable

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
)

// Read reads the table, several times if it is long. The kernel returns it in pieces of
// at most a page. If lines of an earlier piece disappear between two pieces, the reader
// misses lines of the later piece. So Read reads the table again, each time in other
// pieces, until two reads are equal, but at most the given number of times, and not again
// after readFor. It returns the locks of all reads, so some of them may have been released
// meanwhile. A first piece that is less than half a page is the whole table.
func Read(times int) (Table, error) {
	begin := time.Now()
	return readWith(read, times, os.Getpagesize(), func() bool { return time.Since(begin) > readFor })
}

// readFor bounds the reads of a table that changes all the time. The kernel makes each piece
// when no processor works on file locks, which may take long on a busy machine: 40 reads were
// seen to take more than 20 seconds, and the caller may hold a lock.
const readFor = 3 * time.Second

func readWith(read func(first int) (string, error), times, page int, over func() bool) (Table, error) {
	table, before := Table{}, ""
	for i := range times {
		text, err := read(page * (times - i) / times)
		if err != nil {
			return nil, err
		}
		table.add(text)
		if text == before || i == 0 && len(text) < page/2 || i > 0 && over() {
			break
		}
		before = text
	}
	return table, nil
}

// read reads the table once. Its first piece has at most the given length. The kernel makes
// each piece at one moment, so a piece is consistent.
func read(first int) (text string, err error) {
	f, err := os.Open("/proc/locks")
	if err != nil {
		return "", err
	}
	defer f.Close()
	var b strings.Builder
	for buf := make([]byte, os.Getpagesize()); ; first = len(buf) {
		n, err := f.Read(buf[:first])
		b.Write(buf[:n])
		switch {
		case err == io.EOF:
			return b.String(), nil
		case err != nil:
			return "", err
		}
	}
}

// Takers returns the flock(2) locks on the file, by the processes that took them.
func (t Table) Takers(file File) map[int]Lock {
	found := map[int]Lock{}
	for _, l := range t[file.Name] {
		if !l.Waits && !l.POSIX {
			found[l.PID] = l
		}
	}
	return found
}

// Waiters returns how many flock(2) calls wait for the file at path. It counts all waits of
// a process, while a [Table] has only one of them.
func Waiters(path string) (int, error) {
	file, err := Mounts{}.Identify(path, true)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return countWaiters(read, file.Name)
}

// countWaiters reads the table until two reads agree: a read in pieces may miss lines, or
// have lines twice.
func countWaiters(read func(first int) (string, error), file string) (int, error) {
	for before := -1; ; {
		text, err := read(os.Getpagesize())
		if err != nil {
			return 0, err
		}
		n := 0
		for line := range strings.Lines(text) {
			if name, l, ok := parse(line); ok && name == file && l.Waits && !l.POSIX {
				n++
			}
		}
		if n == before {
			return n, nil
		}
		before = n
	}
}

// Flocks returns the lines of flock(2) locks and waits. If it returns the same text twice,
// none of them has changed. The text does not contain the numbers of the lines, which change
// with other locks.
func Flocks() string {
	table, _ := os.ReadFile("/proc/locks")
	return flocksIn(string(table))
}

func flocksIn(table string) string {
	var found strings.Builder
	for line := range strings.Lines(table) {
		if _, line, _ = strings.Cut(line, ":"); strings.Contains(line, " FLOCK ") {
			found.WriteString(line)
		}
	}
	return found.String()
}
