package cli

import (
	"errors"
	"math"
	"testing"
	"time"
)

func TestSeconds(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]time.Duration{
		"0": 0, "-0": 0, "2": 2 * time.Second, " .5": 500 * time.Millisecond, "1e-300": 1, "1e-400": 1, "1e300": math.MaxInt64, "1e400": math.MaxInt64, "0x10": 16 * time.Second, "0x1p-1": 500 * time.Millisecond,
	} {
		if got, err := Seconds(arg); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", arg, got, err, want)
		}
	}
	for _, arg := range []string{"", "soon", "NaN", "inf", "1_0", "1s", "-1", "-1e-400", "0x", "0x1_0"} {
		if got, err := Seconds(arg); err == nil || errors.Is(err, ErrNegative) != (arg[:min(len(arg), 2)] == "-1") {
			t.Errorf("%q: %v, %v", arg, got, err)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]time.Duration{
		"0": 0, "90": 90 * time.Second, "1.5m": 90 * time.Second, "2h": 2 * time.Hour, "1d": 24 * time.Hour, "3s": 3 * time.Second, "1e300d": math.MaxInt64,
	} {
		if got, err := Duration(arg); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", arg, got, err, want)
		}
	}
	for _, arg := range []string{"", "h", "-1", "-1h", "1w", "1hh", "1_0m", "NaN"} {
		if got, err := Duration(arg); err == nil {
			t.Errorf("%q: %v", arg, got)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]int64{"0": 0, "500000": 500000, "64K": 64 << 10, "10M": 10 << 20, "1G": 1 << 30} {
		if got, err := Size(arg); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", arg, got, err, want)
		}
	}
	for _, arg := range []string{"", "K", "-1", "1k", "1.5M", "1KB", "9999999999999G"} {
		if got, err := Size(arg); err == nil {
			t.Errorf("%q: %v", arg, got)
		}
	}
}
