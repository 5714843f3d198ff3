package fileevent

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/internal/acl"
	"github.com/fsync-lock/fsync/internal/file"
	"github.com/fsync-lock/fsync/internal/sidecar"
	"github.com/fsync-lock/fsync/internal/watch"
	"golang.org/x/sys/unix"
)

// tidy moves the tombstones to attributes of DIR and then removes DIR/.fsync.
//
// No process knows whether another one waits: a wait writes nothing, and a Watch has no
// file open. So a tombstone must not be lost. A look reads the tombstone or, if there is
// none, the attribute. tidy writes the attribute before it removes the tombstone, so at
// each moment one of the two shows the last Clear.
//
// A lock lets one process at a time tidy. Without the lock, a slow process could replace a
// newer attribute by an older one. A process that is stopped while it has the lock only
// keeps others from tidying.
//
// A Clear does not wait for the lock. It may leave a new tombstone after tidy has written
// the attribute and before tidy removes the tombstone; see removeArchived. If tidy removes
// DIR/.fsync before the Clear can leave its tombstone there, the Clear begins again, and keeps
// others from tidying meanwhile; see keepSidecar.
func (m marker) tidy() {
	if m.network || !acl.ReadableByAll(m.directory()) {
		return
	}
	f, err := os.OpenFile(m.dir+sidecar.Dir, unix.O_DIRECTORY|file.Flags, 0)
	if err != nil {
		return
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
		defer unlock(f)
		m.tidyIn(f)
	}
}

// tidyIn does the work of tidy with the directory that it has locked, if that is still
// DIR/.fsync.
func (m marker) tidyIn(f *os.File) {
	names, err := f.Readdirnames(maxTidy + 1)
	if err != nil && err != io.EOF || len(names) > maxTidy || !m.isSidecar(f) {
		return
	}
	if names, err = m.restore(names); err != nil {
		return
	}
	versions := make([]version, len(names))
	for i, name := range names {
		if versions[i], err = m.archive(name); err != nil {
			return
		}
	}
	for i, name := range names {
		if !m.removeArchived(m.sidecar(name), versions[i]) {
			return
		}
	}
	unix.Rmdir(m.dir + sidecar.Dir)
	sidecar.Sweep(m.dir)
}

// keepSidecar keeps all processes from tidying until release is called. It does nothing if one
// of them is just doing it.
func (m marker) keepSidecar() (release func()) {
	f, err := os.OpenFile(m.dir+sidecar.Dir, unix.O_DIRECTORY|file.Flags, 0)
	if err != nil {
		return func() {}
	}
	unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	return func() {
		unlock(f)
		f.Close()
	}
}

// unlock gives the lock up also for child processes that are just being started. They have
// copies of the descriptor, so Close would only end the lock when they close theirs.
func unlock(f *os.File) { unix.Flock(int(f.Fd()), unix.LOCK_UN) }

// isSidecar reports whether f is still DIR/.fsync.
func (m marker) isSidecar(f *os.File) bool {
	now, err := file.Lstat(m.dir + sidecar.Dir)
	if err != nil {
		return false
	}
	opened, err := file.Of(f)
	return err == nil && now.Is(opened)
}

// archive copies the tombstone with that name to its attribute. It waits while the tombstone
// is ambiguous: if tidy removed it now, the next marker could get its inode in the same tick
// of the clock. A wait that has found the attribute would take the two for one, and miss the
// pulse.
//
// The former archived tombstone may have been removed in the tick in which a Set made its
// marker, with the same inode, and that Set may not have written its ID yet. Then archive
// fails: in an attribute, a version without an ID cannot be told from the former one, see
// version.differs.
func (m marker) archive(name string) (version, error) {
	v, err := settled(func() (version, error) { return versionOf(m.sidecar(name)) })
	if err != nil || !v.exists {
		return v, err
	}
	former := m.readAttribute(name)
	if v.id == "" && former.id != "" && former.ino == v.ino && former.born.Equal(v.born) {
		return version{}, fs.ErrExist
	}
	v.set = setTime(m.sidecar(name))
	return v, unix.Setxattr(m.directory(), attributeOf(name), v.attribute(), 0)
}

// attribute returns the text of the attribute for a version.
func (v version) attribute() []byte {
	return fmt.Appendf(nil, "%d %d %d %d %s", v.ino, v.born.Unix(), v.born.Nanosecond(), v.set.UnixNano(), v.id)
}

// parseAttribute returns the version in the text of an attribute, and the zero version for
// another text.
func parseAttribute(text string) (v version) {
	fields := strings.SplitN(text, " ", 5) // the ID may contain spaces
	if len(fields) != 5 || len(fields[4]) != 0 && len(fields[4]) != idSize {
		return version{}
	}
	ino, err := strconv.ParseUint(fields[0], 10, 64)
	var numbers [3]int64
	for i := range numbers {
		var wrong error
		numbers[i], wrong = strconv.ParseInt(fields[i+1], 10, 64)
		err = cmp.Or(err, wrong)
	}
	if err != nil {
		return version{}
	}
	return version{exists: true, archived: true, ino: ino, born: time.Unix(numbers[0], numbers[1]), set: time.Unix(0, numbers[2]), id: fields[4]}
}

// removeArchived removes a tombstone that was archived, and reports whether it is gone. It
// moves the tombstone aside and then checks that the moved file is the archived tombstone.
// If it is a later one, from a Clear, removeArchived puts it back and notifies all waiters:
// a look in between may have found the older tombstone, in the attribute. If yet another
// Clear has left a tombstone meanwhile, that one stays.
func (m marker) removeArchived(path string, archived version) bool {
	old := path + aside
	if err := os.Rename(path, old); err != nil {
		return os.IsNotExist(err)
	}
	now, err := versionOf(old)
	if err == nil && !now.differs(archived) {
		return os.Remove(old) == nil
	}
	putBack(old, path)
	watch.NotifyAll(m.dir)
	return false
}

// putBack moves a tombstone back that was moved aside. If a Clear has left another tombstone
// meanwhile, putBack removes the one that was moved aside, because it is older. Not every file
// system has RENAME_NOREPLACE; link(2) never replaces a file either.
func putBack(old, path string) {
	if unix.Renameat2(unix.AT_FDCWD, old, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE) != nil {
		os.Link(old, path)
		os.Remove(old)
	}
}

// restore puts back the tombstones and notices that a process moved aside before it died in
// Tidy, and returns the names of all of them. The caller has the lock, so no other process is
// moving files aside. An unknown file is an error.
func (m marker) restore(names []string) (traces []string, err error) {
	for _, name := range names {
		trace, moved := strings.CutSuffix(name, aside)
		if !strings.HasSuffix(trace, tombstoneSuffix) && !strings.HasSuffix(trace, noticeSuffix) {
			return nil, fs.ErrExist // not a file of this package
		}
		if moved {
			putBack(m.sidecar(name), m.sidecar(trace))
		}
		if !slices.Contains(traces, trace) {
			traces = append(traces, trace)
		}
	}
	return traces, nil
}

// archived returns the version of a tombstone or a notice that Tidy has moved aside or to the
// attribute.
func (m marker) archived(name string) (v version) {
	if m.network {
		return version{}
	}
	old := m.sidecar(name) + aside
	if v, err := versionOf(old); err == nil && v.exists {
		v.archived, v.set = true, setTime(old)
		return v
	}
	return m.readAttribute(name)
}

// readAttribute returns the version in the attribute for the tombstone with that name.
func (m marker) readAttribute(tombstone string) version {
	var buffer [128]byte
	n, err := unix.Getxattr(m.directory(), attributeOf(tombstone), buffer[:])
	if err != nil {
		return version{}
	}
	return parseAttribute(string(buffer[:n]))
}

// attributeOf returns the name of the attribute for the tombstone or the notice with that name.
func attributeOf(trace string) string {
	h := fnv.New64a()
	io.WriteString(h, trace)
	return fmt.Sprintf("user.fsync.%016x", h.Sum64())
}
