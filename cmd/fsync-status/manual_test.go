package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
)

// The help, the manual page and the completions list exactly the options of the
// program.
func TestManual(t *testing.T) {
	t.Parallel()
	page := regexp.MustCompile(`(?m)^\.B fsync-(lock|event run) --\w+$`).ReplaceAllString(cmdtest.ReadManual(t, "man/fsync-status.1"), "")
	help := cmdtest.Between(fmt.Sprintf(usage, "fsync-status"), "\n\n", "Exit status")
	fish := regexp.MustCompile(`(?m)complete -c fsync-status| -x| -d .*$`).ReplaceAllString(cmdtest.ReadFile(t, "completions/fsync-status.fish"), "")
	cmdtest.HaveOptions(t, cmdtest.Options((&query{}).options()), map[string]map[string]bool{
		"man":  cmdtest.OptionsIn(cmdtest.Between(page, ".SH OPTIONS", ".SH JSON")),
		"bash": cmdtest.OptionsIn(cmdtest.Between(cmdtest.ReadFile(t, "completions/fsync-status.bash"), "compgen -W '", "'")),
		"zsh":  cmdtest.OptionsIn(cmdtest.Between(cmdtest.ReadFile(t, "completions/_fsync-status"), "'-*'", "'*:file")),
		"fish": cmdtest.OptionsInFish(fish),
		"help": cmdtest.OptionsIn(strings.ReplaceAll(help, "--journal", "")),
	})
}

// Every field of the JSON, and every state, is in the manual page.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	_, page, _ := strings.Cut(cmdtest.ReadFile(t, "man/fsync-status.1"), ".SH JSON")
	page, _, _ = strings.Cut(page, ".SH EXIT STATUS")
	cmdtest.HasFields(t, page, listing{}, item{}, process{}, deadlock{}, link{})
	for _, s := range []state{stateFree, stateHeld, stateShared, statePartly, stateFull, stateSet, stateClear, stateUnknown} {
		if !regexp.MustCompile(`\b` + string(s) + `\b`).MatchString(page) {
			t.Errorf("the manual page does not have the state %s", s)
		}
	}
}

// The completions work in their shells.
func TestCompletions(t *testing.T) {
	t.Parallel()
	cmdtest.Complete(t, "fsync-status", map[string][]cmdtest.Completion{
		"bash": {
			{`fsync-status --re`, "--report", ""},
			{`fsync-status --held man/fsync`, "man/fsync-status.1", ""},
		},
		"fish": {
			{`fsync-status --re`, "--report", ""},
			{`fsync-status man/fsync`, "man/fsync-status.1", ""},
		},
		"zsh": {
			{`fsync-status --re`, "--report", ""},
			{`fsync-status --held man/fsync`, "man/fsync-status.1", ""},
		},
	})
}

// groff formats the manual page without a warning.
func TestManualPage(t *testing.T) {
	t.Parallel()
	cmdtest.FormatManual(t, "man/fsync-status.1")
}
