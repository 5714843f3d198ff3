package main

import (
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
	"github.com/fsync-lock/fsync/cmd/internal/userdir"
)

// FuzzCommandLine reads any command line. A wrong one is refused with status 64. A right one
// has a verb and an event, and with run a command. It means the same if its options are
// written in another way. Its events are files as given, or names in the directory.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"set a", "clear a b", "is-set --name a", "info --json a", "wait -w 5 --any a b", "wait --timeout=1.5 -q a --cleared", "wait --take --max-age 1h -- -a", "set --note text --name a --dir /d b",
		"run --when a -- true -n", "run --take -w 72000 --max-age 1h --when dumped --set ./uploaded -- upload", "run --each --when a --when b sh -c x", "run --when a --journal /j --journal-max-size 1M --journal-no-args true", "-- set a -- -b",
		"", "set", "frob a", "-q set a", "set -q a", "set ", "wait --take --cleared a", "run true", "run --when a", "run --when a ", "run --when a --note x true", "set --dir d a", "wait -w -1 a", "wait --max-age 0 a", "wait --max-age 1e-400 a", "-h", "set --version", "set --name .. a", "set --name -- a -b", "set --n a", "run --when a/b --dir d true", "run --when con true",
	} {
		f.Add(line, uint64(len(line)))
	}
	f.Setenv("FSYNC_JOURNAL", "")
	dir := f.TempDir()
	f.Setenv("FSYNC_DIR", dir)
	f.Fuzz(func(t *testing.T, line string, way uint64) {
		args := strings.Split(line, " ")
		const program = cli.Program("fsync-event")
		q, err := parse(program, args)
		if err != nil {
			cmdtest.CheckRefused(t, program, err)
		} else {
			checkQuery(t, line, q)
			checkTargets(t, line, q, dir)
		}
		verb := slices.IndexFunc(args, func(arg string) bool { return arg != "--" })
		if verb < 0 || verb > 1 || !slices.Contains(verbs, args[verb]) {
			return
		}
		g := cmdtest.Grammar{Options: (&query{program: program, verb: args[verb]}).options(), Mixed: args[verb] != "run"}
		again, ok := g.Respell(args[verb+1:], way)
		if !ok {
			if err == nil {
				t.Errorf("%q is accepted, but not its options", line)
			}
			return
		}
		other, otherErr := parse(program, append([]string{args[verb]}, again...))
		if (err == nil) != (otherErr == nil) || err == nil && !reflect.DeepEqual(q, other) {
			t.Errorf("%q: %+v, %v\n%q: %+v, %v", args, q, err, again, other, otherErr)
		}
	})
}

// checkQuery fails the test if a query has no event, or something that its verb does not
// have.
func checkQuery(t *testing.T, line string, q *query) {
	t.Helper()
	waits := q.verb == "wait" || q.verb == "run"
	for what, wrong := range map[string]bool{
		"events":  q.verb != "run" && len(q.operands) == 0 || q.verb == "run" && len(q.when) == 0,
		"command": q.verb == "run" && (len(q.operands) == 0 || q.operands[0] == "" || len(q.names) > 0),
		"verb":    !slices.Contains(verbs, q.verb),
		"wait":    !waits && (q.timeout != cli.Forever || q.maxAge != 0 || q.take || q.quiet || q.any || q.cleared),
		"timeout": q.timeout < 0 && q.timeout != cli.Forever || q.maxAge < 0,
		"run":     q.verb != "run" && (q.when != nil || q.set != nil || q.onEach || q.log.File != ""),
		"json":    q.json && q.verb != "info",
		"cleared": q.cleared && (q.take || q.maxAge > 0),
		"note":    q.note != "" && q.verb != "set" && len(q.set) == 0,
		"empty":   slices.Contains(slices.Concat(q.names, q.when, q.set), ""),
		"journal": q.log.MaxSize < 0 || q.log.MaxSize > 0 && q.log.File == "",
	} {
		if wrong {
			t.Errorf("%q: %s: %+v", line, what, q)
		}
	}
}

// checkTargets opens the events, in the directory. A name is refused with status 64 or has
// its file there; anything else is the path of a file.
func checkTargets(t *testing.T, line string, q *query, dir string) {
	t.Helper()
	q2 := *q
	q2.dir = dir
	labels, named := q.operands, func(string) bool { return len(q.names) > 0 }
	if q.verb == "run" {
		labels, named = slices.Concat(q.when, q.set), isName
	}
	manager, err := userdir.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	valid := !slices.ContainsFunc(labels, func(label string) bool {
		_, err := manager.NewEvent(label)
		return named(label) && err != nil
	})
	targets, err := q2.open(labels, named, nil)
	if valid != (err == nil) || err != nil && cli.OpenStatus(err) != cli.ExitUsage {
		t.Errorf("%q: the names are valid: %v; %v", line, valid, err)
	}
	for i, event := range targets {
		want := labels[i]
		if named(want) {
			want = filepath.Join(dir, want+".event")
		}
		if event.Path() != want || event.label != labels[i] {
			t.Errorf("%q: the event is %s, want %s", line, event.Path(), want)
		}
	}
}
