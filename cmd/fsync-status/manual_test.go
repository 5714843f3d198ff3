package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the help, the manual page and the completions say the program has is
// what it has.
func TestManual(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for _, o := range (&query{}).options() {
		for _, letter := range o.Short {
			want["-"+string(letter)] = true
		}
		for _, name := range o.Long {
			want["--"+name] = true
		}
	}
	option := regexp.MustCompile(`(?m)(?:^|[\s{,'(")])(--?[a-zA-Z][a-z-]*)`)
	words := func(text string) map[string]bool {
		found := map[string]bool{}
		for _, m := range option.FindAllStringSubmatch(text, -1) {
			found[m[1]] = true
		}
		return found
	}
	between := func(text, from, to string) string {
		_, text, _ = strings.Cut(text, from)
		text, _, _ = strings.Cut(text, to)
		return text
	}
	page := strings.ReplaceAll(readFile(t, "man/fsync-status.1"), `\-`, "-")
	page = regexp.MustCompile(`(?m)^\.B fsync-lock --\w+$`).ReplaceAllString(page, "")
	fish := regexp.MustCompile(`(?m)complete -c fsync-status| -d .*$`).ReplaceAllString(readFile(t, "completions/fsync-status.fish"), "")
	fish = strings.NewReplacer("-s ", " -", "-l ", " --").Replace(fish)
	for where, got := range map[string]map[string]bool{
		"man":  words(between(page, ".SH OPTIONS", ".SH JSON")),
		"bash": words(between(readFile(t, "completions/fsync-status.bash"), "compgen -W '", "'")),
		"zsh":  words(between(readFile(t, "completions/_fsync-status"), "'-*'", "'*:file")),
		"fish": words(fish),
		"help": words(strings.ReplaceAll(between(fmt.Sprintf(usage, "fsync-status"), "\n\n", "Exit status"), "--journal", "")),
	} {
		if !maps.Equal(got, want) {
			t.Errorf("%s:\nhas %q\nwant %q", where, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// Every field of the JSON, and every state, is in the manual page.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	_, page, _ := strings.Cut(readFile(t, "man/fsync-status.1"), ".SH JSON")
	page, _, _ = strings.Cut(page, ".SH EXIT STATUS")
	for _, of := range []any{view{}, thing{}, process{}, deadlock{}, link{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(of).Field(i).Tag.Get("json"), ",")
			if !regexp.MustCompile(`(?m)^\.BR? ` + name + `( |$)`).MatchString(page) {
				t.Errorf("%T: the manual page does not have %q", of, name)
			}
		}
	}
	for _, s := range []state{free, held, shared, partly, full, isSet, clear_, unknown} {
		if !regexp.MustCompile(`\b` + string(s) + `\b`).MatchString(page) {
			t.Errorf("the manual page does not have the state %s", s)
		}
	}
}

func TestEscapedJSONIsJSON(t *testing.T) {
	t.Parallel()
	hostile := "\x1b[2J\u009b\u202e\x7f\U000e0001ü\u2028<"
	v := view{Host: hostile}
	var b strings.Builder
	if err := v.writeJSON(&b); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\u009b\u202e\x7f\U000e0001\u2028") || !strings.Contains(b.String(), "ü") {
		t.Errorf("%q", b.String())
	}
	var got view
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil || got.Host != hostile {
		t.Errorf("%q, %v", got.Host, err)
	}
}

// The completions do in their shells what they are for.
func TestCompletions(t *testing.T) {
	t.Parallel()
	bash := func(words string) string {
		return `compopt() { :; }; . completions/fsync-status.bash; COMP_WORDS=(` + words + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _fsync_status; printf '%s\n' "${COMPREPLY[@]}"`
	}
	for _, c := range []struct{ shell, script, want string }{
		{"bash", bash(`fsync-status --re`), "--report"},
		{"bash", bash(`fsync-status --held man/fsync`), "man/fsync-status.1"},
		{"fish", `source completions/fsync-status.fish; complete -C 'fsync-status --re'`, "--report"},
		{"fish", `source completions/fsync-status.fish; complete -C 'fsync-status man/fsync'`, "man/fsync-status.1"},
		{"zsh", `autoload -Uz compinit; compinit -D -u; fpath=(completions $fpath); autoload -Uz _fsync-status; autoload +X _fsync-status && echo loaded`, "loaded"},
	} {
		out, err := exec.Command(c.shell, "-c", c.script).CombinedOutput()
		if _, missing := err.(*exec.Error); missing {
			t.Log(err)
			continue
		}
		if !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %s\nsaid %q, %v, want %q", c.shell, c.script, out, err, c.want)
		}
	}
}

// The manual page is without faults, for who formats it.
func TestManualPage(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("groff", "-man", "-ww", "-z", "man/fsync-status.1")
	out, err := cmd.CombinedOutput()
	if _, missing := err.(*exec.Error); missing {
		t.Skip(err)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
