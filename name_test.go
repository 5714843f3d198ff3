package fsync

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

func TestCheckName(t *testing.T) {
	for _, name := range []string{
		"a", "backup", "Backup-2.daily", "a b", "größe", "日本語", "com", "com10", "console", "nul-backup", "a..b", "-n",
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
