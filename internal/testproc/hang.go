package testproc

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// TellHangs makes the test process print, shortly before the limit of -timeout, the
// goroutines of the tests that still run. The panic at the limit prints all goroutines in
// any order, and a log may be cut before the goroutines of the tests.
func TellHangs() {
	for _, arg := range os.Args[1:] { // the flags are not parsed yet
		limit, ok := strings.CutPrefix(arg, "-test.timeout=")
		if d, err := time.ParseDuration(limit); ok && err == nil && d > 0 {
			time.AfterFunc(d-min(d/10, 10*time.Second), func() {
				fmt.Fprintf(os.Stderr, "the limit of %v is near; the tests that still run are here:\n\n%s\n", d, testGoroutines())
			})
		}
	}
}

// testGoroutines returns the stacks of the goroutines that run code of a test. Those in
// which a test function runs come first. Tests that wait for their turn, or for a subtest,
// are left out.
func testGoroutines() string {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var tests, others []string
	for g := range strings.SplitSeq(string(buf), "\n\n") {
		switch has := func(s string) bool { return strings.Contains(g, s) }; {
		case !has("_test.go:") && !has("/testscript.go:"), has("testing.(*M).Run("), has("testing.(*T).Run("), has("testing.(*T).Parallel("):
		case has("\ntesting.tRunner("):
			tests = append(tests, g)
		default:
			others = append(others, g)
		}
	}
	return strings.Join(append(tests, others...), "\n\n")
}
