package fileevent

import (
	"context"
	"errors"

	"github.com/fsync-lock/fsync/internal/watch"
)

// await is the one loop that all waits sleep in. It returns nil when met says
// so. The caller has looked once, so that no watch is made for a wait that has
// nothing to wait for.
//
// The subscription comes before the look, or a change between the two would be
// reported to nobody and seen by nobody.
func (e *Event) await(ctx context.Context, m marker, met func() (bool, error)) error {
	nudge := make(chan struct{}, 1)
	sub, err := e.subscribe(m, nudge)
	if err != nil {
		return err
	}
	defer sub.Close()
	for {
		if ok, err := met(); ok || err != nil {
			return err
		}
		e.at(sleeping)
		select {
		case <-nudge:
		case <-ctx.Done():
			return e.lastLook(ctx, met)
		}
	}
}

// subscribe has the step right before the subscription, wherever that is.
func (e *Event) subscribe(m marker, nudge chan<- struct{}) (*watch.Subscription, error) {
	e.at(subscribing)
	return watch.Subscribe(m.path(), nudge)
}

// lastLook is what a wait does when its ctx has ended. Who cancels wants no
// more of it, but a deadline is a time until which a Set counts, also one
// whose nudge is still on its way.
func (e *Event) lastLook(ctx context.Context, met func() (bool, error)) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		if ok, err := met(); ok || err != nil {
			return err
		}
	}
	return ended(ctx, e.marker)
}
