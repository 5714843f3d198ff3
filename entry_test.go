package fsync_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/fileevent"
	"github.com/fsync-lock/fsync/filelock"
)

func TestEntryString(t *testing.T) {
	t.Parallel()
	holder := filelock.Holder{PID: 7, Taker: 7, Command: "rsync -a", Host: "web1"}
	heir := filelock.Holder{PID: 8, Taker: 7, Command: "ssh"}
	second := filelock.Holder{PID: 11, Taker: 11}
	slot := holder
	slot.Slot = 2
	waiter := filelock.Waiter{PID: 9, Command: "flock x"}
	left := filelock.Record{Holder: filelock.Holder{PID: 4242, Host: "web1", Since: time.Now().Add(-2 * time.Hour)}}
	for want, e := range map[string]fsync.Entry{
		"lock a: free": {Kind: fsync.KindLock, Name: "a"},
		"lock /a b?: held by pid 7 (rsync -a) on web1; 1 waits":      {Kind: fsync.KindLock, Path: "/a b\n", State: filelock.State{Holders: []filelock.Holder{heir, holder}, Waiters: []filelock.Waiter{waiter}}},
		"lock a: held by pid 7 (rsync -a) on web1, pid 11":           {Kind: fsync.KindLock, Name: "a", State: filelock.State{Holders: []filelock.Holder{holder, second}}},
		"semaphore s: 1 of 3 slots held by pid 7 (rsync -a) on web1": {Kind: fsync.KindSemaphore, Name: "s", Slots: 3, State: filelock.State{Holders: []filelock.Holder{slot}}},
		"semaphore s: free": {Kind: fsync.KindSemaphore, Name: "s"},
		"lock a: unknown: no /proc; left by pid 4242 on web1, 2 h ago, not known to be held; 2 wait": {Kind: fsync.KindLock, Name: "a", State: filelock.State{Unknown: "no /proc", Recorded: []filelock.Record{left}, Waiters: []filelock.Waiter{waiter, waiter}}},
		"lock a: free; a POSIX lock of pid 5, another family: it does not exclude this one (vi)":     {Kind: fsync.KindLock, Name: "a", State: filelock.State{POSIX: []filelock.POSIXLock{{PID: 5, Command: "vi"}}}},
		"lock a: unknown: is it?":    {Kind: fsync.KindLock, Name: "a", State: filelock.State{Err: errors.New("is it?")}},
		"event e: not set":           {Kind: fsync.KindEvent, Name: "e"},
		"event e: set by pid 3":      {Kind: fsync.KindEvent, Name: "e", Info: fileevent.Info{Set: true, PID: 3}},
		"event e: unknown: it is so": {Kind: fsync.KindEvent, Name: "e", State: filelock.State{Err: errors.New("it is so")}},
	} {
		if got := e.String(); got != want {
			t.Errorf("%q\nwant %q", got, want)
		}
	}
}

// The status of an event is not that of a lock.
func TestEntryStatus(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fsync.Kind]filelock.Status{fsync.KindLock: filelock.Free, fsync.KindSemaphore: filelock.Free, fsync.KindEvent: filelock.Unknown} {
		if got := (fsync.Entry{Kind: kind}).Status(); got != want {
			t.Errorf("%s: %s, want %s", kind, got, want)
		}
	}
}

// An unknown time is left out.
func TestZeroTimes(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"pid 9 (flock x)":                        filelock.Waiter{PID: 9, Command: "flock x"}.String(),
		"a process":                              filelock.Waiter{}.String(),
		"left by pid 3, not known to be held: n": filelock.Record{Holder: filelock.Holder{PID: 3, Note: "n"}}.String(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := (filelock.Waiter{PID: 9, Since: time.Now().Add(-time.Minute)}).String(); !strings.HasPrefix(got, "pid 9 for 1m") {
		t.Error(got)
	}
}
