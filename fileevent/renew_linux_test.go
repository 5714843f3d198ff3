package fileevent

import (
	"os"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The marker is removed while Set reads it, to see whether it may replace it. Then Set makes a
// new one. A lease makes the read wait until the marker is gone.
func TestRenewalOfWhatIsRemoved(t *testing.T) {
	t.Parallel()
	m := splitMarker(markerPath(t))
	for range 5 { // on a busy machine the read may give up before the marker is gone
		must(t, os.WriteFile(m.path, []byte("text"), 0o644))
		f := must2(os.Open(m.path))
		defer f.Close()
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETSIG, int(unix.SIGURG)); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
			t.Skip(err)
		}
		var decided atomic.Bool
		removed := make(chan error)
		go func() {
			for !decided.Load() {
				if kind, err := unix.FcntlInt(f.Fd(), unix.F_GETLEASE, 0); err != nil || kind != unix.F_WRLCK {
					break // the read waits for the lease
				}
				time.Sleep(time.Millisecond / 10)
			}
			removed <- os.Remove(m.path)
		}()
		how := m.renewal()
		decided.Store(true)
		must(t, <-removed)
		if how == replace {
			return
		}
	}
	t.Error("Set does not make a new marker")
}
