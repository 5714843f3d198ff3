package cmdtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/runlog"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
	"github.com/rogpeppe/go-internal/testscript"
)

// WaitForJournal makes the commands of a test wait for a locked journal as long as the
// test does. Otherwise they give up after some seconds, but on a busy machine a test may
// keep the journal locked for longer.
func WaitForJournal() {
	runlog.Append = func(path string, r journal.Run, maxSize int64) error {
		for end := time.Now().Add(testproc.Patience); ; {
			err := journal.Append(path, r, maxSize)
			if !errors.Is(err, filelock.ErrLocked) || time.Now().After(end) {
				return err
			}
		}
	}
}

// Journalled FILE FIELD=VALUE...: the journal has one run, with these fields. Then the
// word removes the journal. The value of reason is a regular expression; the values of
// waited and held are lower bounds.
func Journalled(ts *testscript.TestScript, args []string) {
	path := ts.MkAbs(args[0])
	runs, unread, err := journal.ReadFile(path)
	ts.Check(err)
	if len(runs) != 1 || unread.Total() > 0 {
		ts.Fatalf("%d runs, %v unread: %+v", len(runs), unread, runs)
	}
	run := runs[0]
	host, err := os.Hostname()
	ts.Check(err)
	if run.PID <= 0 || run.Host != host || time.Since(run.Start) > time.Hour {
		ts.Fatalf("the run: %+v", run)
	}
	for _, arg := range args[1:] {
		field, want, _ := strings.Cut(arg, "=")
		if field == "lock" && !strings.HasPrefix(want, "descriptor ") {
			want = filepath.Join(filepath.Dir(path), want)
		}
		if got, ok := journalledField(run, field, want); !ok {
			ts.Fatalf("%s is %s, want %s; the run: %+v", field, got, want, run)
		}
	}
	ts.Check(os.Remove(path))
}

func journalledField(run journal.Run, field, want string) (got string, ok bool) {
	least := func(d time.Duration) (string, bool) {
		limit, err := time.ParseDuration(want)
		return d.String(), err == nil && d >= limit && d < time.Minute
	}
	switch field {
	case "held":
		return least(run.Held)
	case "waited":
		return least(run.Waited)
	case "reason":
		ok, err := regexp.MatchString(want, run.Reason)
		return strconv.Quote(run.Reason), ok && err == nil
	}
	got, ok = map[string]string{
		"kind": string(run.Kind), "lock": run.Lock, "name": run.Name, "command": strings.Join(run.Command, ","),
		"outcome": string(run.Outcome), "status": fmt.Sprint(run.Status), "signal": run.Signal,
	}[field]
	return got, ok && got == want
}
