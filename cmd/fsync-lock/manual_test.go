package main

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/getopt"
)

// table is every option that the program has, with its dashes.
func table(options []getopt.Option) map[string]bool {
	has := map[string]bool{}
	for _, o := range options {
		for _, letter := range o.Short {
			has["-"+string(letter)] = true
		}
		for _, name := range o.Long {
			has["--"+name] = true
		}
	}
	return has
}

func documented() map[string]bool {
	var script *string
	return table((&job{}).options(&script))
}

// What the help, the manual page and the completions say the program has is
// what it has.
func TestManual(t *testing.T) {
	t.Parallel()
	read := func(path string) string {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	option := regexp.MustCompile(`(?m)(?:^|[\s{,'("=|])(--?[a-zA-Z][a-z-]*)`)
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
	page := strings.ReplaceAll(read("man/fsync-lock.1"), `\-`, "-")
	fish := regexp.MustCompile(`complete -c fsync-lock| -[adrx] .*`).ReplaceAllString(read("completions/fsync-lock.fish"), "")
	fish = regexp.MustCompile(`-[sl] \S+`).ReplaceAllStringFunc(fish, func(s string) string {
		return map[byte]string{'s': " -", 'l': " --"}[s[1]] + s[3:]
	})
	want := documented()
	for where, got := range map[string]map[string]bool{
		"man":  words(between(page, ".SH OPTIONS", ".SH SIGNALS")),
		"bash": words(between(read("completions/fsync-lock.bash"), "compgen -W '", "'")),
		"zsh":  words(between(read("completions/_fsync-lock"), "'-*'", "1:lock")),
		"fish": words(fish),
	} {
		if !maps.Equal(got, want) {
			t.Errorf("%s:\nhas %q\nwant %q", where, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
	refusedToo := table(refused)
	maps.Copy(refusedToo, want)
	for name := range words(page) {
		if !refusedToo[name] {
			t.Errorf("man: there is no %s", name)
		}
	}
	helped := words(fmt.Sprintf(usage, "fsync-lock"))
	for name := range helped {
		if !want[name] {
			t.Errorf("help: there is no %s", name)
		}
	}
	delete(want, "--nonblocking") // a third name for it
	for name := range want {
		if !helped[name] {
			t.Errorf("help: %s is missing", name)
		}
	}
}

// The completions do in their shells what they are for.
func TestCompletions(t *testing.T) {
	t.Parallel()
	bash := func(words string) string {
		return `compopt() { :; }; . completions/fsync-lock.bash; COMP_WORDS=(` + words + `); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _fsync_lock; printf '%s\n' "${COMPREPLY[@]}"`
	}
	for _, c := range []struct{ shell, script, want, not string }{
		{"bash", bash(`fsync-lock --max`), "--max-runtime", ""},
		{"bash", bash(`fsync-lock -n man/fsync`), "man/fsync-lock.1", ""},
		{"bash", bash(`fsync-lock -w 5 man/fsync`), "man/fsync-lock.1", ""},
		{"bash", bash(`fsync-lock --dir comp`), "completions", ""},
		{"bash", bash(`fsync-lock --journal man/fsync`), "man/fsync-lock.1", ""},
		{"bash", bash(`fsync-lock --journal j file tru`), "true", ""},
		{"bash", bash(`fsync-lock --journal-max-size 1M man/fsync`), "man/fsync-lock.1", ""},
		{"bash", bash(`fsync-lock file tru`), "true", ""},
		{"bash", bash(`fsync-lock --name job tru`), "true", ""},
		{"bash", bash(`fsync-lock --name=job --ver`), "--verbose", ""},
		{"bash", bash(`fsync-lock file --ver`), "", "--verbose"},
		{"bash", bash(`fsync-lock file echo --ver`), "", "--verbose"},
		{"fish", `source completions/fsync-lock.fish; complete -C 'fsync-lock --max'`, "--max-runtime", ""},
		{"fish", `source completions/fsync-lock.fish; complete -C 'fsync-lock man/fsync'`, "man/fsync-lock.1", ""},
		{"zsh", `autoload -Uz compinit; compinit -D -u; fpath=(completions $fpath); autoload -Uz _fsync-lock; autoload +X _fsync-lock && echo loaded`, "loaded", ""},
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
	cmd := exec.Command("groff", "-man", "-ww", "-z", "man/fsync-lock.1")
	out, err := cmd.CombinedOutput()
	if _, missing := err.(*exec.Error); missing {
		t.Skip(err)
	}
	if err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}
