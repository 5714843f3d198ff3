package cmdtest

import (
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/getopt"
)

// ReadFile returns the content of a file.
func ReadFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// ReadManual returns a manual page with plain dashes.
func ReadManual(t *testing.T, path string) string {
	t.Helper()
	return strings.ReplaceAll(ReadFile(t, path), `\-`, "-")
}

// Between returns the part of text between from and to.
func Between(text, from, to string) string {
	_, text, _ = strings.Cut(text, from)
	text, _, _ = strings.Cut(text, to)
	return text
}

// Options returns the names of options with their dashes.
func Options(options []getopt.Option) map[string]bool {
	names := map[string]bool{}
	for _, o := range options {
		for _, letter := range o.Short {
			names["-"+string(letter)] = true
		}
		for _, name := range o.Long {
			names["--"+name] = true
		}
	}
	return names
}

var option = regexp.MustCompile(`(?m)(?:^|[\s{,'"(=|*)])(--?[a-zA-Z][a-z-]*)`)

// OptionsIn returns the words of a text that look like options.
func OptionsIn(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range option.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}

var fishOption = regexp.MustCompile(`-[sl] \S+`)

// OptionsInFish is OptionsIn for completions of fish, in which "-s n -l nonblock" stands
// for the options -n and --nonblock.
func OptionsInFish(text string) map[string]bool {
	return OptionsIn(fishOption.ReplaceAllStringFunc(text, func(s string) string {
		return map[byte]string{'s': " -", 'l': " --"}[s[1]] + s[3:]
	}))
}

// FitsAScreen fails the test if a text is too big for a terminal of 24 lines and
// 80 columns.
func FitsAScreen(t *testing.T, text string) {
	t.Helper()
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) > 24 {
		t.Errorf("it has %d lines", len(lines))
	}
	for _, line := range lines {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

// FormatManual fails the test if groff(1) prints a warning about a manual page.
func FormatManual(t *testing.T, path string) {
	t.Helper()
	out, err := exec.Command("groff", "-man", "-ww", "-z", path).CombinedOutput()
	if _, missing := err.(*exec.Error); missing {
		t.Skip(err)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// HasFields fails the test for each JSON field of the structs that the part of a manual
// page does not describe.
func HasFields(t *testing.T, page string, structs ...any) {
	t.Helper()
	for _, s := range structs {
		for _, field := range reflect.VisibleFields(reflect.TypeOf(s)) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if field.IsExported() && !regexp.MustCompile(`(?m)^\.BR? `+name+`( |$)`).MatchString(page) {
				t.Errorf("%T: the manual page does not have %q", s, name)
			}
		}
	}
}

// HaveOptions fails the test for each text that does not have exactly these options.
// texts has the options of each text, by the name of the text.
func HaveOptions(t *testing.T, want map[string]bool, texts map[string]map[string]bool) {
	t.Helper()
	for name, has := range texts {
		if !maps.Equal(has, want) {
			t.Errorf("%s:\nhas %q\nwant %q", name, slices.Sorted(maps.Keys(has)), slices.Sorted(maps.Keys(want)))
		}
	}
}
