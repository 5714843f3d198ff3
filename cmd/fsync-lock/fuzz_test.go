package main

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/cmdtest"
)

// FuzzCommandLine reads any command line. A wrong one is refused with status 64; only a
// negative -w has another status, that of flock(1). A right one names one lock and, unless
// the lock is a descriptor, a command. It means the same if its options are written in
// another way.
func FuzzCommandLine(f *testing.F) {
	for _, line := range []string{
		"a.lock true", "-n a.lock -c script", "-sx -w5 a.lock true -n", "--timeout=1.5 -E 3 -- -f true", "9", "-u 9", "-xn 9", "--fd 9 true", "--fd 9 -c script", "-c script a.lock", "--name a --dir /d true", "--slots 3 a.sem true",
		"--skip -w .5 a true", "-oE0 a true", "-F a true", "--env --verbose a true", "--max-runtime 4m --kill-after 10s a true", "--note text a.lock true", "--journal /j --journal-max-size 1M --journal-no-args a true", "a --command script",
		"", "-", "a", " true", "a ", "--", "-w -1 a true", "-w NaN a true", "-E 256 a true", "--slots 0 a true", "--slots 10001 a true", "--fcntl a true", "--start=0 a true", "-oF a true", "--dir d a true", "--name a --fd 9 true", "-h", "-nV --wrong", "--no a true", "--ski a true", "a -c", "a -c x y", "--skip -E 1 a true",
	} {
		f.Add(line, uint64(len(line)))
	}
	f.Setenv("FSYNC_JOURNAL", "")
	f.Setenv("SHELL", "/bin/sh")
	f.Fuzz(func(t *testing.T, line string, way uint64) {
		args := strings.Split(line, " ")
		const program = cli.Program("fsync-lock")
		j, err := parse(program, args)
		if err != nil {
			var allowed []int
			if errors.Is(err, cli.ErrNegative) {
				allowed = []int{cli.ExitSystem}
			}
			cmdtest.CheckRefused(t, program, err, allowed...)
		} else {
			checkJob(t, line, j)
		}
		var script *string
		g := cmdtest.Grammar{Options: append((&job{program: program}).options(&script), refused...), Ordered: [][]string{{"shared", "exclusive", "unlock"}}}
		again, ok := g.Respell(args, way)
		if !ok {
			if err == nil {
				t.Errorf("%q is accepted, but not its options", line)
			}
			return
		}
		other, otherErr := parse(program, again)
		if (err == nil) != (otherErr == nil) || err == nil && !reflect.DeepEqual(j, other) {
			t.Errorf("%q: %+v, %v\n%q: %+v, %v", args, j, err, again, other, otherErr)
		}
	})
}

// checkJob fails the test if a job asks for two locks, for no command, or for something that
// is out of range.
func checkJob(t *testing.T, line string, j *job) {
	t.Helper()
	locks := 0
	for _, given := range []bool{j.path != "", j.name != "", j.fd >= 0} {
		if given {
			locks++
		}
	}
	for what, wrong := range map[string]bool{
		"locks":             locks > 1 || locks == 0 && !strings.Contains(" "+line+" ", "  "), // with an empty path, flock(1) fails later
		"command":           j.command == nil && j.fd < 0 || j.command != nil && (len(j.command) == 0 || j.command[0] == ""),
		"conflict status":   j.conflictStatus < 0 || j.conflictStatus > 255 || j.skip && j.conflictStatus != 0,
		"timeout":           j.timeout < 0 && j.timeout != cli.Forever || j.nonblock && j.timeout != 0,
		"limit":             j.maxRuntime < 0 || j.killAfter < 0 || j.killAfter > 0 && j.maxRuntime == 0,
		"slots":             j.slots < 0 || j.slots > 0 && (j.fd >= 0 || j.shared || j.unlock),
		"mode":              j.shared && j.unlock,
		"journal":           j.log.MaxSize < 0 || j.log.MaxSize > 0 && j.log.File == "",
		"nobody holds":      j.noFork && (j.close || j.maxRuntime > 0),
		"an argument is in": slices.ContainsFunc(j.command, func(s string) bool { return !strings.Contains(line, s) && s != "/bin/sh" && s != "-c" }),
	} {
		if wrong {
			t.Errorf("%q: %s: %+v", line, what, j)
		}
	}
}

// Each abbreviation of an option of flock(1) means the same as there, and an ambiguous one
// is refused. These are the options of util-linux 2.38; later ones are in the table of
// options as a whole, or their abbreviations would be errors.
func TestAbbreviations(t *testing.T) {
	t.Setenv("FSYNC_JOURNAL", "")
	long := map[string]string{
		"shared": "s", "exclusive": "x", "unlock": "u", "nonblocking": "n", "nb": "n", "timeout": "w", "wait": "w", "conflict-exit-code": "E", "close": "o", "no-fork": "F", "verbose": "verbose", "help": "h", "version": "V",
	}
	line := func(option string) []string { return []string{option, "5", "true"} } // 5 is the argument, or a file
	for name, means := range long {
		for n := 1; n <= len(name); n++ {
			meanings := map[string]bool{}
			for other, m := range long {
				if other == name[:n] {
					meanings = map[string]bool{m: true}
					break
				}
				if strings.HasPrefix(other, name[:n]) {
					meanings[m] = true
				}
			}
			got, err := parse("flock", append(line("--"+name[:n]), "true"))
			if len(meanings) > 1 {
				if err == nil || !strings.Contains(err.Error(), "ambiguous") {
					t.Errorf("--%s: %+v, %v", name[:n], got, err)
				}
				continue
			}
			full, fullErr := parse("flock", append(line("--"+name), "true"))
			if !reflect.DeepEqual(got, full) || (err == nil) != (fullErr == nil) || err == nil && !meanings[means] {
				t.Errorf("--%s: %+v, %v; --%s: %+v, %v", name[:n], got, err, name, full, fullErr)
			}
		}
	}
}
