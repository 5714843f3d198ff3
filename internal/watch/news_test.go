package watch

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/fsync-lock/fsync/internal/file"
)

// A logBuffer has what the log of the process says during a test.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// about returns the line about a directory, without the time.
func (b *logBuffer) about(dir string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	for line := range strings.Lines(b.text.String()) {
		if _, rest, found := strings.Cut(strings.TrimSpace(line), "msg="); found && strings.Contains(rest, dir) {
			return rest
		}
	}
	return ""
}

// logHere collects the log until the test ends. Such a test cannot run in parallel with others.
func logHere(t *testing.T) *logBuffer {
	t.Helper()
	var b logBuffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &b
}

// The log says when a directory is polled and why, when it is polled no more, and when a watch
// was lost. It says nothing twice.
func TestNews(t *testing.T) {
	log := logHere(t)
	var one, two file.ID
	two.Ino = 2
	const (
		anew   = `"fileevent: a watch was lost and made anew" dir=%s`
		noMore = `"fileevent: polling a directory no more" dir=%s`
		polled = `"fileevent: polling a directory" dir=%s reason=b watched=%v`
	)
	for i, c := range []struct {
		before, now dir
		want        string
	}{
		{dir{}, dir{}, ""},
		{dir{}, dir{watch: "w"}, ""},
		{dir{watch: "w"}, dir{watch: "w"}, ""},
		{dir{reason: "b"}, dir{reason: "b"}, ""},
		{dir{}, dir{reason: "b"}, polled},
		{dir{reason: "a"}, dir{reason: "b"}, polled},
		{dir{watch: "w"}, dir{reason: "b", watch: "w"}, polled},
		{dir{reason: "a"}, dir{watch: "w"}, noMore},
		{dir{reason: lostWatch}, dir{watch: "w"}, anew},
		{dir{watch: "v"}, dir{watch: "w"}, anew},
		{dir{watch: "w", id: one}, dir{watch: "w", id: two}, anew},
		{dir{watch: "v", reason: "b"}, dir{watch: "w", reason: "b"}, anew},
	} {
		c.now.path = fmt.Sprintf("case%d/", i)
		want := strings.ReplaceAll(strings.ReplaceAll(c.want, "%s", c.now.path), "%v", fmt.Sprint(c.now.watch != ""))
		c.now.news(&c.before)()
		if got := log.about(c.now.path); got != want {
			t.Errorf("%d: %s, want %s", i, got, want)
		}
	}
}

// A directory that gets no watch is polled, and the log says so.
func TestPollingIsLogged(t *testing.T) {
	log, h, dir := logHere(t), testHub(t, never), filepath.Join(t.TempDir(), "logged")
	must(t, os.Mkdir(dir, 0o755))
	h.open = noWatcher
	on(t, h, filepath.Join(dir, "a"))
	if got := log.about("logged"); !strings.Contains(got, "polling a directory") {
		t.Errorf("the log says %q", got)
	}
}
