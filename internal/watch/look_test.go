package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A counter is the subject of looks. The result of a look is how many looks there were.
type counter struct{ looks atomic.Int64 }

func (c *counter) look() (mine, others any) {
	n := c.looks.Add(1)
	return n, n
}

// If many subscriptions are notified, one of them looks for all, and all see the state after
// the notification.
func TestOneLookForAll(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var c counter
	const n = 100
	subs, notified := make([]*Subscription, n), make([]<-chan struct{}, n)
	for i := range subs {
		subs[i], notified[i] = on(t, h, path)
	}
	for round := range int64(20) {
		touch(t, path)
		if round%2 == 1 {
			path := filepath.Join(filepath.Dir(path), "b")
			touch(t, path) // no subscription is for it
		}
		h.notify(subs[0].entry)
		var wg sync.WaitGroup
		before := c.looks.Load()
		var arrived sync.WaitGroup // no look ends before all subscriptions want one
		arrived.Add(n)
		look := func() (any, any) {
			arrived.Wait()
			return c.look()
		}
		for i := range subs {
			wg.Go(func() {
				expect(t, notified[i])
				arrived.Done()
				if got := subs[i].Look(look).(int64); got <= before {
					t.Errorf("look %d is stale: %d were before the notification", got, before)
				}
			})
		}
		wg.Wait()
		// In the first round, the creation of the file is one more notification.
		if looks := c.looks.Load() - before; looks < 1 || looks > 2 {
			t.Errorf("%d looks after one notification", looks)
		}
	}
}

func (h *hub) notify(e *entry) {
	h.mu.Lock()
	due := e.notify(nil)
	h.mu.Unlock()
	send(due)
}

// At most 256 goroutines look at the same time in one directory, because each may occupy a
// thread.
func TestFewLooksAtATime(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	var looking atomic.Int64
	var all sync.WaitGroup
	enough := make(chan struct{})
	look := func() (any, any) {
		looking.Add(1)
		<-enough
		return nil, nil
	}
	for i := range maxLooks + 100 {
		s, _ := on(t, h, filepath.Join(dir, fmt.Sprint(i)))
		all.Go(func() { s.Look(look) })
	}
	testproc.Until(t, "many look", func() bool { return looking.Load() >= maxLooks })
	time.Sleep(10 * time.Millisecond) // time for one look too many
	if n := looking.Load(); n > maxLooks {
		t.Errorf("%d look at the same time", n)
	}
	close(enough)
	all.Wait()
}

// A later subscription does not get an earlier look.
func TestNoStaleLook(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var c counter
	on(t, h, path) // with one subscription alone, no look is kept
	first, _ := on(t, h, path)
	if got := first.Look(c.look).(int64); got != 1 {
		t.Fatalf("look %d", got)
	}
	if got := first.Look(c.look).(int64); got != 1 {
		t.Fatalf("without a notification, look %d", got)
	}
	second, _ := on(t, h, path)
	if got := second.Look(c.look).(int64); got != 2 {
		t.Fatalf("the newcomer sees look %d", got)
	}
	// After a notification in the middle of a look, there must be another look, because the
	// first one may have missed the change.
	h.notify(first.entry)
	first.Look(func() (any, any) {
		h.notify(first.entry)
		return c.look()
	})
	if got := second.Look(c.look).(int64); got != 4 {
		t.Fatalf("after a notification in the middle of a look, look %d", got)
	}
}

// Subscriptions with different interests share no look. If a look takes the entry, the
// other subscriptions get another result.
func TestLooksByInterest(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var c counter
	for i, interest := range []Interest{Appear, Vanish, Take} {
		s, _ := with(t, h, path, interest)
		if got := s.Look(c.look).(int64); got != int64(i+1) {
			t.Errorf("interest %d shares look %d", interest, got)
		}
	}
	one, _ := with(t, h, path, Take)
	two, _ := with(t, h, path, Take)
	take := func() (any, any) { return "mine", "theirs" }
	if a, b, c := one.Look(take), one.Look(take), two.Look(take); a != "mine" || b != "theirs" || c != "theirs" {
		t.Errorf("looks: %v, %v, %v", a, b, c)
	}
}

// The removal of an entry does not notify subscriptions that want to take the entry.
func TestNotifiesByInterest(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	path := filepath.Join(dir, "a")
	_, appear := with(t, h, path, Appear)
	_, vanish := with(t, h, path, Vanish)
	_, take := with(t, h, path, Take)
	_, end := on(t, h, filepath.Join(dir, "end"))
	touch(t, path)
	expect(t, appear)
	expect(t, take)
	must(t, os.RemoveAll(path))
	touch(t, filepath.Join(dir, "end"))
	expect(t, end)
	expect(t, appear)
	expect(t, vanish)
	expectNone(t, take)
	expectNone(t, vanish)
}

// A queue returns the tags of the subscriptions that were notified, each once.
func TestQueue(t *testing.T) {
	t.Parallel()
	h, dir, q := testHub(t, never), t.TempDir(), NewQueue()
	for i, name := range []string{"a", "b", "c"} {
		s, err := h.subscribe(q, filepath.Join(dir, name), Appear, i)
		must(t, err)
		t.Cleanup(s.Close)
	}
	_, end := on(t, h, filepath.Join(dir, "end"))
	for _, name := range []string{"c", "a", "c", "end"} {
		must(t, os.RemoveAll(filepath.Join(dir, name)))
		touch(t, filepath.Join(dir, name))
	}
	expect(t, end)
	expect(t, q.C())
	got := q.Drain(nil)
	if slices.Sort(got); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("notified: %v", got)
	}
	if got := q.Drain(nil); len(got) != 0 {
		t.Errorf("notified again: %v", got)
	}
	must(t, os.RemoveAll(filepath.Join(dir, "b")))
	touch(t, filepath.Join(dir, "b"))
	expect(t, q.C())
	if got := q.Drain(nil); !slices.Equal(got, []int{1}) {
		t.Errorf("notified: %v", got)
	}
}

// The entries stay consistent, in whatever order subscriptions begin and end.
func TestEntriesComeAndGo(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	var subs []*Subscription
	for _, name := range []string{"a", "a", "b"} {
		for _, interest := range []Interest{Appear, Vanish, Take} {
			s, _ := with(t, h, filepath.Join(dir, name), interest)
			subs = append(subs, s)
		}
	}
	d := subs[0].entry.dir
	count := func() (names, entries, subscriptions int) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for _, some := range d.entries {
			names++
			for _, e := range some {
				entries++
				for s := e.first; s != nil; s = s.next {
					subscriptions++
				}
			}
		}
		if subscriptions != d.n {
			t.Errorf("%d subscriptions, %d are counted", subscriptions, d.n)
		}
		return names, entries, subscriptions
	}
	if names, entries, n := count(); names != 2 || entries != 6 || n != 9 {
		t.Errorf("%d names, %d entries, %d subscriptions", names, entries, n)
	}
	for closed, i := range []int{4, 0, 8, 1, 7, 3, 2, 6, 5} {
		subs[i].Close()
		if _, _, n := count(); n != 8-closed {
			t.Errorf("%d subscriptions after %d were closed", n, closed+1)
		}
	}
	if names, entries, _ := count(); names != 0 || entries != 0 {
		t.Errorf("%d names, %d entries are left", names, entries)
	}
}
