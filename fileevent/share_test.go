package fileevent

import (
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/watch"
)

// A wait with MaxAge does not share the look of a wait without it, which may count an old
// Set, nor the other way round.
func TestMaxAgeSharesNoLook(t *testing.T) {
	t.Parallel()
	path := markerPath(t)
	touchYesterday(t, path)
	queue := watch.NewQueue()
	var conditions []*condition
	for i, e := range []*Event{New(path), New(path, MaxAge(time.Minute)), New(path)} {
		c, err := e.newCondition(watch.Appear)
		must(t, err, c.subscribe(queue, i))
		defer c.sub.Close()
		conditions = append(conditions, &c)
	}
	for i, c := range conditions {
		if met, err := c.check(); met != (i != 1) || err != nil {
			t.Errorf("wait %d: %v, %v", i, met, err)
		}
	}
}
