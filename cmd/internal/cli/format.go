package cli

import (
	"fmt"
	"time"
)

// Span formats a duration in at most two units: 2m13s, 3d4h, 1h. It returns "" for a
// negative duration, which comes from clocks that differ.
func Span(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	for i, u := range units {
		if d < u.of {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.of, u.name)
		if i+1 < len(units) && d%u.of/units[i+1].of > 0 {
			text += fmt.Sprintf("%d%s", d%u.of/units[i+1].of, units[i+1].name)
		}
		return text
	}
	if d < 0 {
		return ""
	}
	return "0s"
}

// Plural returns "1 run" or "2 runs".
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
