package main

import (
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
	option := regexp.MustCompile(`(?m)(?:^|[\s{,'"(*)])(--?[a-zA-Z][a-z-]*)`)
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
	page := strings.ReplaceAll(readFile(t, "man/fsync-event.1"), `\-`, "-")
	bash := strings.Join(regexp.MustCompile(`(?m)options='.*'|-W ".*"`).FindAllString(readFile(t, "completions/fsync-event.bash"), -1), "\n")
	bash = strings.ReplaceAll(bash, "-W ", "")
	fish := regexp.MustCompile(`(?m)complete -c fsync-event| -n '.*?'| -n \S+| -d .*$| -a \S+`).ReplaceAllString(readFile(t, "completions/fsync-event.fish"), "")
	fish = regexp.MustCompile(`-[sl] \S+`).ReplaceAllStringFunc(fish, func(s string) string {
		return map[byte]string{'s': " -", 'l': " --"}[s[1]] + s[3:]
	})
	fish = regexp.MustCompile(`(?m) -[xr]( |$)`).ReplaceAllString(fish, "")
	zsh := regexp.MustCompile(`local -a|_files -/|-S -A '-\*'|-S `).ReplaceAllString(readFile(t, "completions/_fsync-event"), "")
	for where, got := range map[string]map[string]bool{
		"man":  words(between(page, ".SH OPTIONS", ".SH RUN")),
		"bash": words(bash),
		"zsh":  words(zsh),
		"fish": words(fish),
		"help": words(fmt.Sprintf(usage, "fsync-event")),
	} {
		if !maps.Equal(got, want) {
			t.Errorf("%s:\nhas %q\nwant %q", where, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	for name := range words(page) {
		if !want[name] {
			t.Errorf("man: there is no %s", name)
		}
	}
	for _, file := range []string{"man/fsync-event.1", "completions/fsync-event.bash", "completions/_fsync-event", "completions/fsync-event.fish"} {
		text := strings.ReplaceAll(readFile(t, file), `\-`, "-")
		for _, verb := range verbs {
			if !regexp.MustCompile(`\b` + verb + `\b`).MatchString(text) {
				t.Errorf("%s does not have the command %s", file, verb)
			}
		}
	}
}

// Every field of the JSON is in the manual page, and every exit status.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	page := readFile(t, "man/fsync-event.1")
	_, schema, _ := strings.Cut(page, ".SH JSON")
	schema, statuses, _ := strings.Cut(schema, ".SH EXIT STATUS")
	for _, of := range []any{report{}, state{}, setter{}} {
		for i := range reflect.TypeOf(of).NumField() {
			name, _, _ := strings.Cut(reflect.TypeOf(of).Field(i).Tag.Get("json"), ",")
			if !regexp.MustCompile(`(?m)^\.B ` + name + `$`).MatchString(schema) {
				t.Errorf("%T: the manual page does not have %q", of, name)
			}
		}
	}
	for _, status := range []int{0, exitNotSet, exitUsage, exitNoInput, exitNoExec, exitInternal, exitSystem, exitCreate} {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^\.B %d$`, status)).MatchString(statuses) {
			t.Errorf("the manual page does not have the exit status %d", status)
		}
	}
}

// The completions do in their shells what they are for.
func TestCompletions(t *testing.T) {
	t.Parallel()
	bash := func(words string) string {
		return `compopt() { :; }; . completions/fsync-event.bash; COMP_WORDS=(` + words + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _fsync_event; printf '%s\n' "${COMPREPLY[@]}"`
	}
	for _, c := range []struct{ shell, script, want, not string }{
		{"bash", bash(`fsync-event is`), "is-set", ""},
		{"bash", bash(`fsync-event --ver`), "--version", ""},
		{"bash", bash(`fsync-event wait --cl`), "--cleared", ""},
		{"bash", bash(`fsync-event set --cl`), "", "--cleared"},
		{"bash", bash(`fsync-event wait -w 5 man/fsync`), "man/fsync-event.1", ""},
		{"bash", bash(`fsync-event set --dir comp`), "completions", ""},
		{"bash", bash(`fsync-event run --when man/fsync`), "man/fsync-event.1", ""},
		{"bash", bash(`fsync-event run --when a tru`), "true", ""},
		{"bash", bash(`fsync-event run --when a -- tru`), "true", ""},
		{"bash", bash(`fsync-event run --when a echo --wh`), "", "--when"},
		{"fish", `source completions/fsync-event.fish; complete -C 'fsync-event wait --cl'`, "--cleared", ""},
		{"fish", `source completions/fsync-event.fish; complete -C 'fsync-event is'`, "is-set", ""},
		{"fish", `source completions/fsync-event.fish; complete -C 'fsync-event set --cl'`, "", "--cleared"},
		{"fish", `source completions/fsync-event.fish; complete -C 'fsync-event wait man/fsync'`, "man/fsync-event.1", ""},
		{"zsh", `autoload -Uz compinit; compinit -D -u; fpath=(completions $fpath); autoload -Uz _fsync-event; autoload +X _fsync-event && echo loaded`, "loaded", ""},
	} {
		out, err := exec.Command(c.shell, "-c", c.script).CombinedOutput()
		if _, missing := err.(*exec.Error); missing {
			t.Log(err)
			continue
		}
		if !strings.Contains(string(out), c.want) || c.not != "" && strings.Contains(string(out), c.not) {
			t.Errorf("%s: %s\nsaid %q, %v, want %q, not %q", c.shell, c.script, out, err, c.want, c.not)
		}
	}
}

// The manual page is without faults, for who formats it.
func TestManualPage(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("groff", "-man", "-ww", "-z", "man/fsync-event.1")
	out, err := cmd.CombinedOutput()
	if _, missing := err.(*exec.Error); missing {
		t.Skip(err)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
