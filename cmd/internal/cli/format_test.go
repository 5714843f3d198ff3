package cli

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "", 0: "0s", 999 * time.Millisecond: "0s", 59 * time.Second: "59s", time.Minute: "1m", 133 * time.Second: "2m13s",
		time.Hour + 59*time.Second: "1h", 25*time.Hour + time.Minute: "1d1h", 400 * 24 * time.Hour: "400d",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
