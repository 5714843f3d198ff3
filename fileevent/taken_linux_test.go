package fileevent

import (
	"context"
	"testing"
	"time"
)

// The program changes its working directory right after a wait has taken the event. The
// wait looks again, finds the event clear, and still returns: the Set would be lost
// otherwise.
func TestChdirAfterTheTake(t *testing.T) {
	t.Chdir(t.TempDir())
	e := New("ready", AutoReset())
	must(t, e.Set())
	e.hook = once(took, func() { t.Chdir(t.TempDir()) })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := e.Wait(ctx); err != nil {
		t.Error("the event was taken, and the wait goes on: ", err)
	}
}
