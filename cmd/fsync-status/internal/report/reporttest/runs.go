// Package reporttest has runs for tests of reports.
package reporttest

import (
	"math/rand"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

// Night returns runs of a night with all outcomes, for the screenshot.
func Night() []journal.Run {
	start := time.Date(2026, 3, 14, 1, 0, 0, 0, time.UTC)
	at := func(h, m, s int) time.Time {
		return start.Add(time.Duration(h)*time.Hour + time.Duration(m)*time.Minute + time.Duration(s)*time.Second)
	}
	random := rand.New(rand.NewSource(1))
	some := func(d time.Duration) time.Duration {
		return d + time.Duration(random.Int63n(int64(d)/2)).Round(time.Second)
	}
	var runs []journal.Run
	add := func(r journal.Run) {
		r.Host, r.PID = "web1", 4100+len(runs)*7
		r.Waited = max(r.Waited, time.Millisecond) // no run gets its lock in no time
		r.Lock = "/run/lock/fsync/" + r.Name + ".lock"
		runs = append(runs, r)
	}
	for m := 0; m < 240; m += 15 { // every quarter of an hour; one run takes too long
		r := journal.Run{Name: "sync-mail", Start: at(0, m, 0), Command: []string{"sync-mail", "--all"}, Held: some(5 * time.Minute), Outcome: journal.Ran}
		switch m {
		case 90:
			r.Held = 41 * time.Minute
		case 105, 120:
			r.Held, r.Outcome, r.Status = 0, journal.Skipped, 1
			r.Reason = "held by pid 4142 (sync-mail --all)"
		case 180:
			r.Held, r.Status = 90*time.Second, 75
		case 210:
			r.Held, r.Outcome, r.Status, r.Signal = 4*time.Minute, journal.Signalled, 139, "SEGV"
		}
		add(r)
	}
	add(journal.Run{Name: "backup", Start: at(0, 30, 0), Command: []string{"backup.sh", "/srv"}, Held: 72 * time.Minute, Outcome: journal.Ran})
	add(journal.Run{Name: "backup", Start: at(1, 0, 0), Command: []string{"backup.sh", "/home"}, Waited: 42 * time.Minute, Held: 26 * time.Minute, Outcome: journal.Ran})
	add(journal.Run{Name: "backup", Start: at(1, 15, 0), Command: []string{"verify.sh"}, Waited: 10 * time.Minute, Outcome: journal.TimedOut, Status: 1, Reason: "held by pid 4212 (backup.sh /srv) for 55m0s"})
	add(journal.Run{Name: "backup", Start: at(2, 30, 0), Command: []string{"backup.sh", "/var"}, Held: time.Hour, Outcome: journal.Killed, Status: 124, Signal: "TERM"})
	add(journal.Run{Name: "reports", Start: at(0, 50, 0), Command: []string{"/opt/reports/nightly"}, Outcome: journal.FailedToStart, Status: 69, Reason: "/opt/reports/nightly: no such file or directory"})
	add(journal.Run{Name: "reports", Start: at(1, 50, 0), Command: []string{"reports", "--serve"}, Outcome: journal.Started, Held: 0})
	add(journal.Run{Name: "reports", Start: at(2, 50, 0), Command: []string{"reports", "--nightly"}, Held: 9 * time.Minute, Outcome: journal.Ran})
	for i := range 9 {
		add(journal.Run{Name: "uploads", Start: at(3, 2*i, 10*i), Command: []string{"upload", "part"}, Waited: time.Duration(max(i-2, 0)) * 80 * time.Second, Held: some(6 * time.Minute), Outcome: journal.Ran})
	}
	return runs
}

// HostileText is text that must not become HTML, and that a terminal must not obey.
const HostileText = "<script>document.title='owned'</script>\"'><img src=x onerror=document.title='owned'>\x1b[2J\u202e\n{{.}}&amp;"

// Hostile returns a run with HostileText in every text.
func Hostile() journal.Run {
	return journal.Run{
		Start: time.Date(2026, 3, 14, 1, 0, 0, 0, time.UTC), Lock: "/" + HostileText, Name: HostileText, Command: []string{HostileText, HostileText},
		PID: 1, Host: HostileText, User: HostileText, Outcome: journal.Signalled, Held: time.Minute, Signal: HostileText, Reason: HostileText,
	}
}
