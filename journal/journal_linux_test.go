package journal

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// Only some errors say that a file has no access control list. After any other error, its
// permissions are not known.
func TestNoACL(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{syscall.ENODATA: true, syscall.ENOTSUP: true, syscall.ENOSYS: true, syscall.EIO: false, nil: false} {
		if got := isNoACL(err); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	f, err := os.Create(filepath.Join(t.TempDir(), "file"))
	testproc.Must(t, err)
	if list, err := readACL(f); list != nil || err != nil {
		t.Errorf("of a file without a list: %x, %v", list, err)
	}
	testproc.Must(t, dropACL(f), f.Close())
	if list, err := readACL(f); list != nil || err == nil {
		t.Errorf("of a closed file: %x, %v", list, err)
	}
	if dropACL(f) == nil {
		t.Error("the list of a closed file was removed")
	}
}

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
