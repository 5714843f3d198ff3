package fsync

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"a", "backup", "Backup-2.daily", "a b", "größe", "日本語", "com", "com10", "com12", "comx", "1", "console", "nul-backup", "a..b", "-n",
		strings.Repeat("n", maxName),
	} {
		if err := checkName(name); err != nil {
			t.Error(err)
		}
	}
	for name, why := range map[string]string{
		"":                             "empty",
		".":                            "begins with a dot or a space",
		"..":                           "begins with a dot or a space",
		".hidden":                      "begins with a dot or a space",
		"../x":                         "begins with a dot or a space",
		"a/../../x":                    "path separator",
		"/etc/passwd":                  "path separator",
		`a\b`:                          "path separator",
		"a\x00b":                       "contains U+0000",
		"a\nb":                         "contains U+000A",
		"a\x1b[2J":                     "contains U+001B",
		"a\u0085b":                     "contains U+0085",
		" a":                           "begins with a dot or a space",
		"a\u202eb":                     "contains U+202E",
		"a\u2028b":                     "contains U+2028",
		"\xff":                         "UTF-8",
		"a:b":                          `':'`,
		"a*":                           `'*'`,
		"a.":                           "ends with a dot",
		"a ":                           "ends with a dot or a space",
		"NUL":                          "device",
		"con":                          "device",
		"Con.backup":                   "device",
		"com1":                         "device",
		"LPT9.x.y":                     "device",
		"lpt²":                         "device",
		"aux .txt":                     "device",
		"conin$":                       "device",
		strings.Repeat("n", maxName+1): "241 bytes",
		strings.Repeat("é", maxName):   "480 bytes",

		// A name that is not too long is shown as a whole.
		strings.Repeat("n", maxName-1) + "*": strings.Repeat("n", maxName-1) + "*",
	} {
		err := checkName(name)
		if !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), why) {
			t.Errorf("checkName(%q) = %v, want %q", name, err, why)
		} else if len(err.Error()) > 400 {
			t.Errorf("checkName(%.10q...) has %d bytes", name, len(err.Error()))
		}
	}
}

// A valid name is one file name: it cannot lead to another directory.
func FuzzCheckName(f *testing.F) {
	for _, name := range []string{"", "a", "..", "a/b", `a\b`, "con", "\xff", "a\x00", strings.Repeat("n", 300)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if err := checkName(name); err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("the error for %q contains a control character: %q", name, err)
			}
			return
		}
		path := filepath.Join("/dir", name+".lock")
		if filepath.Dir(path) != "/dir" || filepath.Base(path) != name+".lock" {
			t.Errorf("%q leads to %s", name, path)
		}
		if !filepath.IsLocal(name) || !fs.ValidPath(name) {
			t.Errorf("%q is no local name", name)
		}
	})
}

// FuzzManager uses a lock, a semaphore and an event of any name. A valid name has its files
// in the directory and nowhere else, and List shows it. An invalid name makes nothing, and a
// file of that name is not listed.
func FuzzManager(f *testing.F) {
	for _, name := range []string{"a", "größe", "a b", "-n", "a.lock", "a.event.sem", "..", "", "a/b", "con", "a\nb", "\xff", ".a", "x.", strings.Repeat("n", maxName), strings.Repeat("n", maxName+1)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		above := t.TempDir()
		m, err := Open(filepath.Join(above, "dir"))
		testproc.Must(t, err)
		lock, err := m.NewLock(name)
		semaphore, errOfSemaphore := m.NewSemaphore(name, 2)
		event, errOfEvent := m.NewEvent(name)
		for _, other := range []error{checkName(name), errOfSemaphore, errOfEvent} {
			if (err == nil) != (other == nil) || err != nil && !errors.Is(other, fs.ErrInvalid) {
				t.Fatalf("%q: %v and %v", name, err, other)
			}
		}
		if err != nil {
			checkNotListed(t, m, name)
			return
		}
		acquire := func(ok bool, err error) {
			if !ok || err != nil {
				t.Errorf("%q: acquired %v, %v", name, ok, err)
			}
		}
		acquire(lock.TryAcquire())
		acquire(semaphore.TryAcquire())
		testproc.Must(t, event.Set())
		checkListed(t, m, name, KindEvent, KindLock, KindSemaphore)
		testproc.Must(t, lock.Release(), semaphore.Release(), event.Clear())
		checkListed(t, m, name, KindLock, KindSemaphore)
		for _, path := range []string{name + ".lock", name + ".sem", ".fsync"} {
			testproc.Must(t, os.RemoveAll(filepath.Join(m.Dir(), path)))
		}
		testproc.Must(t, os.Remove(m.Dir())) // fails if there is another file
		if left, err := os.ReadDir(above); err != nil || len(left) > 0 {
			t.Errorf("%q: %v is left, %v", name, left, err)
		}
	})
}

func checkListed(t *testing.T, m *Manager, name string, kinds ...Kind) {
	t.Helper()
	list, err := m.List()
	if err != nil || len(list) != len(kinds) {
		t.Fatalf("%q: %v, %v", name, list, err)
	}
	for i, e := range list {
		if e.Name != name || e.Kind != kinds[i] || filepath.Dir(e.Path) != m.Dir() || e.Err != nil {
			t.Errorf("%q: %+v", name, e)
		}
		if text := e.String(); strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsGraphic(r) }) {
			t.Errorf("%q", text)
		}
	}
}

// checkNotListed makes files with an invalid name, if the system can.
func checkNotListed(t *testing.T, m *Manager, name string) {
	t.Helper()
	for _, suffix := range suffixes {
		if !strings.Contains(name, "/") {
			os.WriteFile(m.Dir()+"/"+name+suffix.suffix, nil, 0o600)
		}
	}
	if list, err := m.List(); err != nil || len(list) > 0 {
		t.Errorf("%q: %v, %v", name, list, err)
	}
}
