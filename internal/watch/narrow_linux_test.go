package watch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsnotify/fsnotify"
)

// Writes to files are not reported; creation, removal and renaming are.
func TestNarrow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, moved, end := filepath.Join(dir, "log"), filepath.Join(dir, "moved"), filepath.Join(dir, "end")
	file, err := os.Create(log)
	must(t, err)
	defer file.Close()
	w, err := fsnotify.NewWatcher()
	if err != nil {
		t.Skip("other programs of this user have taken all inotify instances")
	}
	defer w.Close()
	must(t, w.Add(dir))
	if _, ok := narrow(w, dir); !ok {
		t.Fatal("fsnotify no longer keeps its descriptor in the field that narrow reads")
	}
	for range 100 {
		_, err := file.WriteString("line\n")
		must(t, err)
	}
	must(t, os.Chmod(log, 0o600))
	must(t, os.Rename(log, moved))
	must(t, os.Remove(moved))
	must(t, os.Mkdir(end, 0o755))
	var seen []string
	for ev := range w.Events {
		seen = append(seen, ev.Op.String()+" "+filepath.Base(ev.Name))
		if ev.Name == end {
			break
		}
	}
	want := []string{"RENAME log", "CREATE moved", "REMOVE moved", "CREATE end"}
	if !slices.Equal(seen, want) {
		t.Errorf("reported: %q, want %q", seen, want)
	}
}

// The hub narrows its watches.
func TestHubIsNarrow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "log"))
	must(t, err)
	defer file.Close()
	h := testHub(t, never)
	on(t, h, filepath.Join(dir, "ready"))
	fd, ok := descriptor(h.watcher)
	if !ok {
		t.Fatal("no descriptor")
	}
	if mask := maskOf(t, fd); mask&wantedReports != wantedReports || mask&^wantedReports != 0 {
		t.Errorf("the directory is watched for %x, want %x", mask, wantedReports)
	}
}

// maskOf returns the mask of the one watch of an inotify instance.
func maskOf(t *testing.T, fd int) (mask uint32) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
	must(t, err)
	_, rest, found := strings.Cut(string(text), " mask:")
	if _, err := fmt.Sscanf(rest, "%x", &mask); !found || err != nil {
		t.Fatalf("no mask in %q: %v", text, err)
	}
	return mask
}
