//go:build unix

package fileevent

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A path with a NUL is refused, and the error can be printed.
func TestPathWithNUL(t *testing.T) {
	t.Parallel()
	failures(t, New(filepath.Join(t.TempDir(), "a\x00b")), func(err error) bool {
		return errors.Is(err, fs.ErrInvalid) && !strings.Contains(err.Error(), "\x00") && strings.Contains(err.Error(), "a?b")
	})
}

// Clear of an event that is not set changes nothing.
func TestClearOfNothing(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, e.Clear())
	if left := must2(os.ReadDir(filepath.Dir(e.Path()))); len(left) > 0 {
		t.Errorf("%v was made", left)
	}
}

// On a network file system the listing of the directory decides, if it can be read and the
// server does not encode the name in another way.
func TestListing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "Ready"), nil, 0o644), os.WriteFile(filepath.Join(dir, "file"), nil, 0o644))
	for name, want := range map[string]bool{"Ready": true, "ready": true, "missing": false, "größe": true, "no/ready": true, "file/ready": true} {
		if got := splitMarker(filepath.Join(dir, name)).listed(); got != want {
			t.Errorf("%s: listed %v", name, got)
		}
	}
	m := splitMarker(filepath.Join(dir, "Ready"))
	m.network = true
	if set, err := m.exists(); !set || err != nil {
		t.Errorf("exists = %v, %v", set, err)
	}
}

// A file that is gone was removed by another process, which is no error.
func TestRemovals(t *testing.T) {
	t.Parallel()
	missing, full := splitMarker(markerPath(t)), splitMarker(t.TempDir())
	must(t, os.WriteFile(filepath.Join(full.path, "file"), nil, 0o644))
	must(t, missing.remove())
	if err := full.remove(); err == nil {
		t.Error("a directory with a file in it was removed")
	}
	if removed, err := unlink(missing.path); removed || err != nil {
		t.Errorf("unlink of nothing: %v, %v", removed, err)
	}
	if removed, err := unlink(full.path); removed || err == nil {
		t.Errorf("unlink of a directory: %v, %v", removed, err)
	}
}

func TestIsFull(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{nil: false, syscall.ENOSPC: true, syscall.EDQUOT: true, syscall.EIO: false} {
		if got := isFull(&fs.PathError{Err: err}); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
}

// Info waits for the record of a young marker only.
func TestRecordOfAnOldMarker(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	touchYesterday(t, path)
	if r, known := splitMarker(path).readRecord(time.Hour); known {
		t.Errorf("%+v", r)
	}
}

// If the record of a marker has no time, the time of the file counts.
func TestTimeOfARecordWithoutTime(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	must(t, os.WriteFile(path, []byte(`{"fsync":1,"pid":7}`+"\n"), 0o644))
	then := time.Unix(1_700_000_000, 0)
	must(t, os.Chtimes(path, then, then))
	if got := setTime(path); !got.Equal(then) {
		t.Errorf("it was set at %v, want %v", got, then)
	}
}

// The limit of the age also counts for a tombstone that Tidy has archived.
func TestAgeOfAnArchivedTombstone(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	old, young := version{archived: true, set: time.Now().Add(-yesterday)}, version{archived: true, set: time.Now()}
	unlimited, limited := New(path), New(path, MaxAge(time.Hour))
	for _, c := range []struct {
		e    *Event
		v    version
		want bool
	}{
		{unlimited, old, true}, {unlimited, young, true}, {limited, old, false}, {limited, young, true},
	} {
		if got := c.e.isYoungTrace(c.e.marker.tombstonePath(), c.v); got != c.want {
			t.Errorf("limit %v, set %v: young is %v", c.e.maxAge, c.v.set, got)
		}
	}
}

// Only a whole ID at its place in a record is an ID.
func TestVersionWithoutID(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	for _, content := range []string{recordStart + "0123456789abcde", strings.Repeat("x", 100), recordStart, ""} {
		must(t, os.WriteFile(path, []byte(content), 0o644))
		if v, err := versionOf(path); err != nil || v.id != "" || !v.read {
			t.Errorf("%q: %+v, %v", content, v, err)
		}
	}
	must(t, os.WriteFile(path, []byte(recordStart+"0123456789abcdef"), 0o644))
	if v, err := versionOf(path); err != nil || v.id != "0123456789abcdef" || !v.read {
		t.Errorf("%+v, %v", v, err)
	}
}

// A tombstone that cannot be taken for a later one is read once.
func TestSettledAtOnce(t *testing.T) {
	t.Parallel()
	for _, v := range []version{{}, {exists: true, born: time.Now(), id: "0123456789abcdef"}, {exists: true, born: time.Now().Add(-yesterday)}} {
		reads := 0
		got, err := settled(func() (version, error) { reads++; return v, nil })
		if got != v || err != nil || reads != 1 {
			t.Errorf("%+v: %+v, %v after %d reads", v, got, err, reads)
		}
	}
	reads := 0
	if _, err := settled(func() (version, error) { reads++; return version{}, syscall.EIO }); err != syscall.EIO || reads != 1 {
		t.Errorf("%v after %d reads", err, reads)
	}
}

// A Watch reads the marker again if it was ambiguous.
func TestSettleReadsAgain(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	for range 20 { // on a busy machine two ticks may pass before the first look
		before := versions{marker: version{exists: true, ino: 1, born: time.Now().Add(tick)}}
		now, err := m.settle(before)
		must(t, err)
		if now == (versions{}) {
			return
		}
	}
	t.Error("the marker, which is gone, was not read again")
}

// Where a file is in the place of DIR/.fsync, there is no tombstone, and a wait is possible.
func TestWaitBesideAFileForTombstones(t *testing.T) {
	t.Parallel()
	e := New(markerPath(t))
	must(t, os.WriteFile(filepath.Dir(e.marker.tombstonePath()), nil, 0o644))
	if set, err := e.WaitFor(time.Millisecond); set || err != nil {
		t.Errorf("WaitFor = %v, %v", set, err)
	}
}

// A Set of another program's file has left a notice, and then the file was removed. A wait that
// begins now does not count that Set.
func TestNoticeOfAFormerMarker(t *testing.T) {
	t.Parallel()
	for _, opts := range [][]Option{nil, {MaxAge(time.Hour)}} {
		e := New(markerPath(t), opts...)
		must(t, os.WriteFile(e.Path(), []byte("text"), 0o644), e.Set(), os.Remove(e.Path()))
		if set, err := e.WaitFor(time.Millisecond); set || err != nil {
			t.Errorf("WaitFor = %v, %v", set, err)
		}
	}
}

// If the marker cannot be looked for, Next fails.
func TestWatchWhereAFileComes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "dir", "ready")
	must(t, os.Mkdir(filepath.Dir(path), 0o755))
	w := watchOf(t, New(path))
	must(t, os.Remove(filepath.Dir(path)), os.WriteFile(filepath.Dir(path), nil, 0o644))
	if seen, err := w.setSinceLast(); seen || !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("it has seen a Set: %v, %v", seen, err)
	}
}
