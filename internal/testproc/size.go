package testproc

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// AtOnce lets n tests run in parallel, unless -parallel says otherwise. It is for
// packages whose tests wait most of the time. Call it before the flags are parsed.
func AtOnce(n int) {
	if err := flag.Set("test.parallel", strconv.Itoa(n)); err != nil {
		panic(err)
	}
}

// longVar is the environment variable for the tests that take long.
const longVar = "FSYNC_TEST_LONG"

// Long reports whether the tests that take long run, as in .ci/run.
func Long() bool { return os.Getenv(longVar) != "" }

// Size returns long if the tests that take long run, and otherwise usual. With the race
// detector it returns usual: a race needs few rounds, and each of them is slow.
func Size(long, usual int) int {
	if Long() && !raceDetector {
		return long
	}
	return usual
}

// SkipLong skips a test unless the tests that take long run.
func SkipLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("it takes long: set " + longVar + "=1 to run it, as .ci/run does")
	}
}

// pollVar is the environment variable that makes all waiters poll.
const pollVar = "FSYNC_TEST_POLL"

// Polls reports whether all waiters must poll, as they do on systems other than Linux.
// TestMain must do that, in the test process and in its roles.
func Polls() bool { return os.Getenv(pollVar) != "" }
