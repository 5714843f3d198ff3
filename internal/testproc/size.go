package testproc

import (
	"flag"
	"os"
	"strconv"
	"testing"
)

// AtOnce lets n tests run at the same time, unless there is a flag -parallel. It is for
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

// Size returns long if [Long] is true, and otherwise usual. With the race detector it always
// returns usual, because a race needs few rounds, and each of them is slow.
func Size(long, usual int) int {
	if Long() && !raceDetector {
		return long
	}
	return usual
}

// SkipLong skips a test unless [Long] is true.
func SkipLong(t testing.TB) {
	t.Helper()
	if !Long() {
		t.Skip("it takes long: set " + longVar + "=1 to run it, as .ci/run does")
	}
}

// pollVar is the environment variable that makes all waiters poll.
const pollVar = "FSYNC_TEST_POLL"

// Polls reports whether all waiters must poll, as they do on systems other than Linux. Then
// TestMain must make them poll, in the test process and in its roles.
func Polls() bool { return os.Getenv(pollVar) != "" }
