package filelock

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/cwd"
)

// Processes that share a hold are one group. The process that acquired the lock is the first,
// whatever its PID is.
func TestGroups(t *testing.T) {
	t.Parallel()
	one := func(slot, taker, pid int) Holder { return Holder{Slot: slot, Taker: taker, PID: pid} }
	shared := func(taker, pid int) Holder { return Holder{Taker: taker, PID: pid, Shared: true} }
	for name, c := range map[string]struct {
		list []Holder
		want string
	}{
		"no holder":                     {nil, ""},
		"the taker and its heirs":       {[]Holder{one(0, 9, 5), one(0, 9, 9), one(0, 9, 3)}, "9+3+5"},
		"heirs of a dead taker":         {[]Holder{one(0, 9, 5), one(0, 9, 3)}, "3+5"},
		"heirs of an unknown taker":     {[]Holder{one(0, 0, 5), one(0, 0, 3)}, "3+5"},
		"two shared holds":              {[]Holder{shared(4, 4), shared(2, 8), shared(2, 2)}, "2+8 4"},
		"shared holds, unknown takers":  {[]Holder{shared(0, 5), shared(0, 3)}, "3 5"},
		"two slots of one process":      {[]Holder{one(2, 7, 7), one(1, 7, 8), one(1, 7, 7)}, "7+8 7"},
		"two slots, takers are unknown": {[]Holder{one(2, 0, 5), one(1, 0, 5)}, "5 5"},
	} {
		var groups []string
		for _, hold := range GroupByHold(c.list) {
			var pids []string
			for _, h := range hold {
				pids = append(pids, fmt.Sprint(h.PID))
			}
			groups = append(groups, strings.Join(pids, "+"))
		}
		if got := strings.Join(groups, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// The text of a holder, a waiter or a record names what is known, and no impossible time.
func TestShownText(t *testing.T) {
	t.Parallel()
	recent, future := time.Now().Add(-133*time.Second), time.Now().Add(time.Hour)
	whole := Holder{PID: 42, Command: "rsync -a /srv", Host: "web1", Note: "nightly", Since: recent}
	for want, shown := range map[string]fmt.Stringer{
		`a process`:     Holder{},
		`pid 42`:        Holder{PID: 42},
		`pid 43`:        Holder{PID: 43, Since: future},
		`pid 42 \(vi\)`: Waiter{PID: 42, Command: "vi"},
		`pid 44`:        Waiter{PID: 44, Since: future},
		`pid 42 \(rsync -a /srv\) on web1 for 2m\d+s: nightly`:                               whole,
		`left by a process, not known to be held`:                                            Record{},
		`left by pid 43, not known to be held`:                                               Record{Holder: Holder{PID: 43, Since: future}},
		`left by pid 42 on web1, 2 min ago, not known to be held \(rsync -a /srv\): nightly`: Record{Holder: whole},
		`a POSIX lock of pid 42, another family: it does not exclude this one \(vi\)`:        POSIXLock{PID: 42, Command: "vi"},
		`a POSIX lock of a process, another family: it does not exclude this one`:            POSIXLock{},
	} {
		if got := shown.String(); !regexp.MustCompile("^" + want + "$").MatchString(got) {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRough(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0: "0 s", time.Minute - 1: "59 s", time.Minute: "1 min", time.Hour - 1: "59 min",
		time.Hour: "1 h", 48*time.Hour - 1: "47 h", 48 * time.Hour: "2 days", 100 * time.Hour: "4 days",
	} {
		if got := rough(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}

// The error of a wait names at most three holders, and the reason why the wait ended.
func TestLockedErrorNamesHolders(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{
		0: "a is locked", 1: "a is held by pid 1", 3: "a is held by pid 1, pid 2, pid 3",
		4: "a is held by pid 1, pid 2, pid 3 and 1 more", 6: "a is held by pid 1, pid 2, pid 3 and 3 more",
	} {
		e := &LockedError{Path: "a"}
		for pid := range n {
			e.Holders = append(e.Holders, Holder{PID: pid + 1})
		}
		if e.Error() != want {
			t.Errorf("%q, want %q", e, want)
		}
		if e.cause = errors.New("why"); e.Error() != want+": why" {
			t.Errorf("%q, want %q", e, want+": why")
		}
	}
	for want, e := range map[string]*LockedError{
		"a cannot have 1 slot: slot 2 is held":                                            {resize: 1, busy: []int{2}},
		"a cannot have 2 slots: slot 3 is held, slot 4 is held by pid 9, slot 5 is held":  {resize: 2, busy: []int{3, 4, 5}, Holders: []Holder{{PID: 9, Slot: 4}}},
		"a cannot have 1 slot: slot 2 is held, slot 3 is held, slot 4 is held and 2 more": {resize: 1, busy: []int{2, 3, 4, 5, 6}},
	} {
		if e.Path = "a"; e.Error() != want {
			t.Errorf("%q, want %q", e, want)
		}
	}
}

// The error of an Acquire whose context had ended says each reason once.
func TestEndedErrorText(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(nil)
	if got, want := endedError(ctx, "a").Error(), "acquire a: context canceled"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	ctx, cancel = context.WithCancelCause(context.Background())
	cancel(errors.New("why"))
	if got, want := endedError(ctx, "a").Error(), "acquire a: context canceled: why"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// The status of a lock, and its likely holders, by what is known.
func TestStatus(t *testing.T) {
	t.Parallel()
	holder, records := []Holder{{PID: 1}}, []Record{{Holder{PID: 2}, true}, {Holder{PID: 3}, false}}
	for _, c := range []struct {
		state  State
		want   Status
		likely int // the PID of the only likely holder; 0 = there is none
	}{
		{State{}, Free, 0},
		{State{Recorded: records}, Free, 3},
		{State{Recorded: records[:1]}, Free, 0},
		{State{Unknown: "why"}, Unknown, 0},
		{State{Unknown: "why", Holders: holder, Recorded: records}, Held, 1},
		{State{Err: errors.New("why"), Holders: holder}, Unknown, 1},
	} {
		likely := c.state.LikelyHolders()
		if c.state.Status() != c.want || len(likely) != min(c.likely, 1) || c.likely > 0 && likely[0].PID != c.likely {
			t.Errorf("%+v: %s, likely %v", c.state, c.state.Status(), likely)
		}
		_, err := c.state.holders("a")
		if (err != nil) != (c.want == Unknown) || errors.Is(err, errors.ErrUnsupported) != (err != nil && c.state.Err == nil) || c.state.Err != nil && err != c.state.Err {
			t.Errorf("%+v: holders return %v", c.state, err)
		}
	}
}

// A path has a gate if it ends in a name.
func TestGateOfAPath(t *testing.T) {
	t.Parallel()
	if !hasGates {
		t.Skip("there are no gates on this system")
	}
	for path, want := range map[string]string{
		"a": ".a.gate", "d/a": "d/.a.gate", "d/a/": "d/.a.gate", "/a": "/.a.gate",
		"/": "", ".": "", "..": "", "d/.": "", "d/..": "",
	} {
		if got := gateOf(path, cwd.Dir{}, 0o666).path; got != want {
			t.Errorf("the gate of %s is %q, want %q", path, got, want)
		}
	}
}
