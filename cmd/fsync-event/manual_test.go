package main

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
)

// The help, the manual page and the completions list exactly the options of the
// program.
func TestManual(t *testing.T) {
	t.Parallel()
	want := cmdtest.Options((&query{}).options())
	page := cmdtest.ReadManual(t, "man/fsync-event.1")
	bash := strings.Join(regexp.MustCompile(`(?m)options='.*'|-W ".*"`).FindAllString(cmdtest.ReadFile(t, "completions/fsync-event.bash"), -1), "\n")
	bash = strings.ReplaceAll(bash, "-W ", "")
	fish := regexp.MustCompile(`(?m)complete -c fsync-event| -n '.*?'| -n \S+| -d .*$| -a \S+`).ReplaceAllString(cmdtest.ReadFile(t, "completions/fsync-event.fish"), "")
	fish = regexp.MustCompile(`(?m) -[xr]( |$)`).ReplaceAllString(fish, "$1")
	zsh := regexp.MustCompile(`local -a|_files -/|-S -A '-\*'|-S `).ReplaceAllString(cmdtest.ReadFile(t, "completions/_fsync-event"), "")
	cmdtest.HaveOptions(t, want, map[string]map[string]bool{
		"man":  cmdtest.OptionsIn(cmdtest.Between(page, ".SH OPTIONS", ".SH RUN")),
		"bash": cmdtest.OptionsIn(bash),
		"zsh":  cmdtest.OptionsIn(zsh),
		"fish": cmdtest.OptionsInFish(fish),
		"help": cmdtest.OptionsIn(fmt.Sprintf(usage, "fsync-event")),
	})
	for name := range cmdtest.OptionsIn(page) {
		if !want[name] {
			t.Errorf("man: there is no %s", name)
		}
	}
	for _, file := range []string{"man/fsync-event.1", "completions/fsync-event.bash", "completions/_fsync-event", "completions/fsync-event.fish"} {
		text := cmdtest.ReadManual(t, file)
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
	page := cmdtest.ReadFile(t, "man/fsync-event.1")
	_, schema, _ := strings.Cut(page, ".SH JSON")
	schema, statuses, _ := strings.Cut(schema, ".SH EXIT STATUS")
	cmdtest.HasFields(t, schema, report{}, state{}, setter{})
	for _, status := range []int{0, exitNotSet, cli.ExitUsage, cli.ExitNoInput, cli.ExitNoExec, cli.ExitOutput, cli.ExitSystem, cli.ExitCreate} {
		if !regexp.MustCompile(fmt.Sprintf(`(?m)^\.B %d$`, status)).MatchString(statuses) {
			t.Errorf("the manual page does not have the exit status %d", status)
		}
	}
}

// The completions work in their shells.
func TestCompletions(t *testing.T) {
	t.Parallel()
	cmdtest.Complete(t, "fsync-event", map[string][]cmdtest.Completion{
		"bash": {
			{`fsync-event is`, "is-set", ""},
			{`fsync-event --ver`, "--version", ""},
			{`fsync-event wait --cl`, "--cleared", ""},
			{`fsync-event set --cl`, "", "--cleared"},
			{`fsync-event wait -w 5 man/fsync`, "man/fsync-event.1", ""},
			{`fsync-event set --dir comp`, "completions", ""},
			{`fsync-event run --when man/fsync`, "man/fsync-event.1", ""},
			{`fsync-event run --when a tru`, "true", ""},
			{`fsync-event run --when a -- tru`, "true", ""},
			{`fsync-event run --when a echo --wh`, "", "--when"},
		},
		"fish": {
			{`fsync-event wait --cl`, "--cleared", ""},
			{`fsync-event is`, "is-set", ""},
			{`fsync-event set --cl`, "", "--cleared"},
			{`fsync-event wait man/fsync`, "man/fsync-event.1", ""},
		},
		"zsh": {
			{`fsync-event is`, "is-set", ""},
			{`fsync-event wait --cl`, "--cleared", ""},
			{`fsync-event set --cl`, "", "--cleared"},
			{`fsync-event wait -w 5 man/fsync`, "man/fsync-event.1", ""},
			{`fsync-event run --when a whoam`, "whoami", ""},
			{`fsync-event run --when a echo --wh`, "", "echo --when"},
		},
	})
}

// groff formats the manual page without a warning.
func TestManualPage(t *testing.T) {
	t.Parallel()
	cmdtest.FormatManual(t, "man/fsync-event.1")
}
