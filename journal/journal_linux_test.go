package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A full disk is an error, and the partial line that it leaves damages no other line.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir := testproc.Tmpfs(t, "size=64k,mode=777")
	path, rest := filepath.Join(dir, "journal"), filepath.Join(dir, "rest")
	mustAppend(t, path, numbered(1, 0), 0)
	if err := os.WriteFile(rest, make([]byte, 64<<10), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	written := 1
	for {
		err := Append(path, numbered(1, written), 0)
		if errors.Is(err, syscall.ENOSPC) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		written++
	}
	if info, err := os.Stat(path); err != nil || info.Size()%4096 != 0 {
		t.Fatalf("the last line is not torn: %v, %v", info.Size(), err)
	}
	if err := os.Remove(rest); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, path, numbered(1, written), 0)
	runs, unread, err := ReadFile(path)
	if len(runs) != written+1 || unread != (Unread{Torn: 1}) || err != nil {
		t.Errorf("%d runs of %d, %+v, %v", len(runs), written+1, unread, err)
	}
}
