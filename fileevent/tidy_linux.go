package fileevent

import (
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/watch"
	"golang.org/x/sys/unix"
)

// tidy moves the traces to attributes of DIR and then removes DIR/.fsync.
//
// No process can know whether another one waits: a wait writes nothing, and a
// Watch has no file open. So a trace must not be lost. A look reads the trace or,
// if there is none, the attribute. tidy writes the attribute before it removes
// the trace, so at each moment one of them shows the last Clear.
//
// The lock lets one process at a time tidy. Without it, a slow process could
// replace a newer attribute by an older one. A process that is stopped here only
// keeps others from tidying.
//
// A Clear does not wait for the lock. If it comes after the attribute was written
// and before the trace is removed, there is a new trace: see bury.
func (m marker) tidy() {
	dir := m.dir + sidecar.Dir
	if m.network || !sidecar.ReadableByAll(m.directory()) {
		return
	}
	f, err := os.OpenFile(dir, unix.O_DIRECTORY|file.Flags, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		m.tidyIn(f)
	}
}

// tidyIn does the work of tidy with the directory that it has locked, if that is
// still DIR/.fsync.
func (m marker) tidyIn(f *os.File) {
	names, err := f.Readdirnames(maxTidy + 1)
	if err != nil && err != io.EOF || len(names) > maxTidy || !m.isStill(f) {
		return
	}
	if names, err = m.unbury(names); err != nil {
		return
	}
	tokens := make([]token, len(names))
	for i, name := range names {
		if tokens[i], err = m.archive(name); err != nil {
			return
		}
	}
	for i, name := range names {
		if !m.bury(m.sidecar(name), tokens[i]) {
			return
		}
	}
	unix.Rmdir(m.dir + sidecar.Dir)
	sidecar.Sweep(m.dir)
}

// isStill reports whether f is still the directory of traces.
func (m marker) isStill(f *os.File) bool {
	is, err := os.Lstat(m.dir + sidecar.Dir)
	if err != nil {
		return false
	}
	was, err := f.Stat()
	return err == nil && os.SameFile(was, is)
}

// archive copies the trace with that name to its attribute.
func (m marker) archive(name string) (token, error) {
	t, err := tokenOf(m.sidecar(name))
	if err != nil || !t.there {
		return t, err
	}
	set := setTime(m.sidecar(name))
	text := fmt.Appendf(nil, "%d %d %d %d %s", t.file.ino, t.file.sec, t.file.nsec, set.UnixNano(), t.id)
	return t, sidecar.SetAttr(m.directory(), attributeOf(name), text)
}

// bury removes a trace that has been archived. It moves the trace aside and then
// checks that it is still the archived one. If a Clear has replaced it, bury puts
// the trace back and nudges all waiters to look again, because a look meanwhile
// may have missed the trace in both places and found the older attribute. If
// another Clear has left a trace by then, that one stays.
func (m marker) bury(path string, archived token) bool {
	old := path + aside
	if err := os.Rename(path, old); err != nil {
		return os.IsNotExist(err)
	}
	now, err := tokenOf(old)
	if err == nil && !now.differs(archived) {
		return os.Remove(old) == nil
	}
	putBack(old, path)
	watch.NotifyAll(m.dir)
	return false
}

// aside is the suffix of a trace while Tidy checks it. If the process dies then,
// the trace stays under that name, and looks still find it.
const aside = ".old"

// putBack moves a trace back that was moved aside. If a later Clear has left a
// trace, putBack removes the older one.
func putBack(old, path string) {
	if unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE) != nil {
		os.Remove(old)
	}
}

// unbury puts back the traces that a Tidy left aside when it died, and returns
// the names of all traces. The caller has the lock, so no other process buries.
func (m marker) unbury(names []string) (traces []string, err error) {
	there := map[string]bool{}
	for _, name := range names {
		trace, moved := strings.CutSuffix(name, traceSuffix+aside)
		if moved {
			name = trace + traceSuffix
			putBack(m.sidecar(name+aside), m.sidecar(name))
		} else if !strings.HasSuffix(name, traceSuffix) {
			return nil, fs.ErrExist // not a file of this package
		}
		if !there[name] {
			there[name] = true
			traces = append(traces, name)
		}
	}
	return traces, nil
}

// archived returns the token of a trace that Tidy has moved aside or to the
// attribute.
func (m marker) archived() (t token) {
	if m.network {
		return token{}
	}
	old := m.tracePath() + aside
	if t, err := tokenOf(old); err == nil && t.there {
		t.archived, t.set = true, setTime(old)
		return t
	}
	text := string(sidecar.Attr(m.directory(), attributeOf(m.traceName())))
	if text == "" {
		return token{}
	}
	var set int64
	if _, err := fmt.Sscan(text, &t.file.ino, &t.file.sec, &t.file.nsec, &set); err != nil {
		return token{}
	}
	t.there, t.archived, t.set = true, true, time.Unix(0, set)
	if id := text[strings.LastIndexByte(text, ' ')+1:]; len(id) == idSize {
		t.id = id
	}
	return t
}

// attributeOf is the name of the attribute for a trace of that name.
func attributeOf(trace string) string {
	h := fnv.New64a()
	io.WriteString(h, trace)
	return fmt.Sprintf("%016x", h.Sum64())
}
