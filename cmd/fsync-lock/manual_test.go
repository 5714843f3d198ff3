package main

import (
	"fmt"
	"maps"
	"regexp"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
)

// The help, the manual page and the completions list exactly the options of the
// program.
func TestManual(t *testing.T) {
	t.Parallel()
	var script *string
	want := cmdtest.Options((&job{}).options(&script))
	page := cmdtest.ReadManual(t, "man/fsync-lock.1")
	fish := regexp.MustCompile(`complete -c fsync-lock| -[adrx] .*`).ReplaceAllString(cmdtest.ReadFile(t, "completions/fsync-lock.fish"), "")
	cmdtest.HaveOptions(t, want, map[string]map[string]bool{
		"man":  cmdtest.OptionsIn(cmdtest.Between(page, ".SH OPTIONS", ".SH SIGNALS")),
		"bash": cmdtest.OptionsIn(cmdtest.Between(cmdtest.ReadFile(t, "completions/fsync-lock.bash"), "compgen -W '", "'")),
		"zsh":  cmdtest.OptionsIn(cmdtest.Between(cmdtest.ReadFile(t, "completions/_fsync-lock"), "'-*'", "1:lock")),
		"fish": cmdtest.OptionsInFish(fish),
	})
	known := cmdtest.Options(refused)
	maps.Copy(known, want)
	for name := range cmdtest.OptionsIn(page) {
		if !known[name] {
			t.Errorf("man: there is no %s", name)
		}
	}
	delete(want, "--nonblocking") // a third name for it
	cmdtest.HaveOptions(t, want, map[string]map[string]bool{"help": cmdtest.OptionsIn(fmt.Sprintf(usage, "fsync-lock"))})
}

// The completions work in their shells.
func TestCompletions(t *testing.T) {
	t.Parallel()
	cmdtest.Complete(t, "fsync-lock", map[string][]cmdtest.Completion{
		"bash": {
			{`fsync-lock --max`, "--max-runtime", ""},
			{`fsync-lock -n man/fsync`, "man/fsync-lock.1", ""},
			{`fsync-lock -w 5 man/fsync`, "man/fsync-lock.1", ""},
			{`fsync-lock --dir comp`, "completions", ""},
			{`fsync-lock --journal man/fsync`, "man/fsync-lock.1", ""},
			{`fsync-lock --journal j file tru`, "true", ""},
			{`fsync-lock --journal-max-size 1M man/fsync`, "man/fsync-lock.1", ""},
			{`fsync-lock file tru`, "true", ""},
			{`fsync-lock --name job tru`, "true", ""},
			{`fsync-lock --name=job --ver`, "--verbose", ""},
			{`fsync-lock file --ver`, "", "--verbose"},
			{`fsync-lock file echo --ver`, "", "--verbose"},
		},
		"fish": {
			{`fsync-lock --max`, "--max-runtime", ""},
			{`fsync-lock man/fsync`, "man/fsync-lock.1", ""},
		},
		"zsh": {
			{`fsync-lock --max`, "--max-runtime", ""},
			{`fsync-lock -n man/fsync`, "man/fsync-lock.1", ""},
			{`fsync-lock --dir comp`, "completions", ""},
			{`fsync-lock --journal j file whoam`, "whoami", ""},
			{`fsync-lock --name job whoam`, "whoami", ""},
			{`fsync-lock file --ver`, "", "--verbose"},
		},
	})
}

// groff formats the manual page without a warning.
func TestManualPage(t *testing.T) {
	t.Parallel()
	cmdtest.FormatManual(t, "man/fsync-lock.1")
}
