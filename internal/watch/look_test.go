package watch

import (
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A glance counts looks.
type glance struct{ n atomic.Int64 }

func (g *glance) look() (mine, others any) {
	n := g.n.Add(1)
	return n, n
}

// If many subscriptions are nudged, one of them looks for all, and all see the state
// after the nudge.
func TestOneLookForAll(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var g glance
	const n = 100
	subs, nudges := make([]*Subscription, n), make([]<-chan struct{}, n)
	for i := range subs {
		subs[i], nudges[i] = on(t, h, path)
	}
	for round := range int64(20) {
		touch(t, path)
		if round%2 == 1 {
			path := filepath.Join(filepath.Dir(path), "b")
			touch(t, path) // nobody's
		}
		h.nudge(subs[0].spot)
		var wg sync.WaitGroup
		before := g.n.Load()
		var arrived sync.WaitGroup // so that nobody has seen anything when the others come
		arrived.Add(n)
		look := func() (any, any) {
			arrived.Wait()
			return g.look()
		}
		for i := range subs {
			wg.Go(func() {
				nudged(t, nudges[i])
				arrived.Done()
				if got := subs[i].Look(look).(int64); got <= before {
					t.Errorf("what was seen by look %d is stale: %d were before the nudge", got, before)
				}
			})
		}
		wg.Wait()
		// The creation of the file is one more nudge, in the first round.
		if looks := g.n.Load() - before; looks < 1 || looks > 2 {
			t.Errorf("%d looks after one nudge", looks)
		}
	}
}

func (h *hub) nudge(p *spot) {
	h.mu.Lock()
	due := p.nudge(nil)
	h.mu.Unlock()
	send(due)
}

// A later subscription does not get an earlier look.
func TestNoStaleLook(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var g glance
	on(t, h, path) // one who waits alone shares with nobody
	first, _ := on(t, h, path)
	if got := first.Look(g.look).(int64); got != 1 {
		t.Fatalf("look %d", got)
	}
	if got := first.Look(g.look).(int64); got != 1 {
		t.Fatalf("without a nudge, look %d", got)
	}
	second, _ := on(t, h, path)
	if got := second.Look(g.look).(int64); got != 2 {
		t.Fatalf("the newcomer sees look %d", got)
	}
	// A nudge in the middle of a look needs another look, because this one may have
	// missed the change.
	h.nudge(first.spot)
	first.Look(func() (any, any) {
		h.nudge(first.spot)
		return g.look()
	})
	if got := second.Look(g.look).(int64); got != 4 {
		t.Fatalf("after a nudge in the middle of a look, look %d", got)
	}
}

// Subscriptions with different aims share no look. If one takes the entry, the
// others do not get that result.
func TestLooksByAim(t *testing.T) {
	t.Parallel()
	h, path := testHub(t, never), filepath.Join(t.TempDir(), "a")
	var g glance
	for i, aim := range []Aim{Appear, Vanish, Claim} {
		s, _ := aims(t, h, path, aim)
		if got := s.Look(g.look).(int64); got != int64(i+1) {
			t.Errorf("aim %d shares look %d", aim, got)
		}
	}
	one, _ := aims(t, h, path, Claim)
	two, _ := aims(t, h, path, Claim)
	take := func() (any, any) { return "mine", "theirs" }
	if a, b, c := one.Look(take), one.Look(take), two.Look(take); a != "mine" || b != "theirs" || c != "theirs" {
		t.Errorf("looks: %v, %v, %v", a, b, c)
	}
}

// The removal of an entry does not nudge subscriptions that want to claim it.
func TestNudgesByAim(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	path := filepath.Join(dir, "a")
	_, appear := aims(t, h, path, Appear)
	_, vanish := aims(t, h, path, Vanish)
	_, claim := aims(t, h, path, Claim)
	_, end := on(t, h, filepath.Join(dir, "end"))
	touch(t, path)
	nudged(t, appear)
	nudged(t, claim)
	must(t, removeAll(path))
	touch(t, filepath.Join(dir, "end"))
	nudged(t, end)
	nudged(t, appear)
	nudged(t, vanish)
	still(t, claim)
	still(t, vanish)
}

// An inbox of many subscriptions names those that were nudged, each once.
func TestInbox(t *testing.T) {
	t.Parallel()
	h, dir, b := testHub(t, never), t.TempDir(), NewInbox()
	for i, name := range []string{"a", "b", "c"} {
		s, err := h.subscribe(b, filepath.Join(dir, name), Appear, i)
		must(t, err)
		t.Cleanup(s.Close)
	}
	_, end := on(t, h, filepath.Join(dir, "end"))
	for _, name := range []string{"c", "a", "c", "end"} {
		must(t, removeAll(filepath.Join(dir, name)))
		touch(t, filepath.Join(dir, name))
	}
	nudged(t, end)
	nudged(t, b.Wake())
	got := b.Nudged(nil)
	if slices.Sort(got); !slices.Equal(got, []int{0, 2}) {
		t.Errorf("nudged: %v", got)
	}
	if got := b.Nudged(nil); len(got) != 0 {
		t.Errorf("nudged again: %v", got)
	}
	must(t, removeAll(filepath.Join(dir, "b")))
	touch(t, filepath.Join(dir, "b"))
	nudged(t, b.Wake())
	if got := b.Nudged(nil); !slices.Equal(got, []int{1}) {
		t.Errorf("nudged: %v", got)
	}
}

// The spots stay consistent, in whatever order subscriptions begin and end.
func TestSpotsComeAndGo(t *testing.T) {
	t.Parallel()
	h, dir := testHub(t, never), t.TempDir()
	var subs []*Subscription
	for _, name := range []string{"a", "a", "b"} {
		for _, aim := range []Aim{Appear, Vanish, Claim} {
			s, _ := aims(t, h, filepath.Join(dir, name), aim)
			subs = append(subs, s)
		}
	}
	p := subs[0].spot.place
	if p.n != 9 || p.entries != 6 || len(p.spots) != 2 {
		t.Errorf("%d subscriptions, %d entries, %d names", p.n, p.entries, len(p.spots))
	}
	for _, i := range []int{4, 0, 8, 1, 7, 3, 2, 6, 5} {
		subs[i].Close()
		left := 0
		h.mu.Lock()
		for _, spt := range p.spots {
			for ; spt != nil; spt = spt.also {
				for s := spt.first; s != nil; s = s.next {
					left++
				}
			}
		}
		if left != p.n {
			t.Errorf("%d left, %d in the books", left, p.n)
		}
		h.mu.Unlock()
	}
	if p.n != 0 || p.entries != 0 || len(p.spots) != 0 {
		t.Errorf("%d subscriptions, %d entries, %d names", p.n, p.entries, len(p.spots))
	}
	testproc.Until(t, "no place", func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return len(h.places) == 0
	})
}
