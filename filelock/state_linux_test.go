package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestHolders(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	if got, err := l.Holders(); err != nil || len(got) != 0 {
		t.Fatalf("holders of no file: %v, %v", got, err)
	}
	holder := startHolder(t, path, "shared")
	got, err := l.Holders()
	host, _ := os.Hostname()
	if err != nil || len(got) != 1 || got[0].PID != holder.PID() || !got[0].Shared || got[0].Host != host || !strings.HasSuffix(got[0].Command, path+" shared") {
		t.Fatalf("holders = %+v, %v; want pid %d", got, err, holder.PID())
	}
	release(t, holder)
	if got, err := l.Holders(); err != nil || len(got) != 0 {
		t.Fatalf("holders of a free lock: %v, %v", got, err)
	}

	mustAcquire(t, l)
	f, err := l.File()
	must(t, err)
	defer f.Close()
	cmd := exec.Command("sleep", "1000")
	cmd.ExtraFiles = []*os.File{f}
	heir := testproc.StartCmd(t, cmd)
	want := map[int]bool{os.Getpid(): false, heir.PID(): true}
	testproc.Until(t, "this process and its heir hold the lock", func() bool {
		got, err = l.Holders()
		if err != nil || len(got) != 2 {
			return false
		}
		for _, h := range got {
			if sleeps, ok := want[h.PID]; !ok || h.Shared || sleeps != (h.Command == "sleep 1000") {
				return false
			}
		}
		return true
	})
	// The error of a wait names only the holder in the kernel's table: Acquire does not search
	// all processes for holders.
	ctx, cancel := context.WithCancel(background)
	result := acquireUntil(ctx, filelock.New(path))
	awaitQueue(t, path, 1)
	cancel()
	var locked *filelock.LockedError
	if err := await(t, result); !errors.As(err, &locked) || len(locked.Holders) != 1 ||
		!strings.Contains(err.Error(), fmt.Sprintf("%s is held by pid %d (", path, os.Getpid())) {
		t.Fatalf("Acquire = %v", err)
	}
}

func init() { roles["reader"] = reader }

// reader PATH: acquires the shared lock, and prints the holders of the lock.
func reader(args []string) error {
	if err := filelock.New(args[0], filelock.Shared()).Acquire(background); err != nil {
		return err
	}
	return holdersRole(args)
}

// A process that may not inspect another process still sees that the other one acquired the
// lock, even if it holds the lock itself.
func TestHoldersOfAnotherUser(t *testing.T) {
	t.Parallel()
	path := filepath.Join(publicDir(t), "a.lock")
	holder := startHolder(t, path, "shared")
	p := startAsNobody(t, "reader", path)
	seen := readHolders(t, p)
	for _, pid := range []int{holder.PID(), p.PID()} {
		if len(seen) != 2 || !slices.ContainsFunc(seen, func(h filelock.Holder) bool { return h.PID == pid }) {
			t.Errorf("another user's process sees %v, want the pids %d and %d", seen, holder.PID(), p.PID())
		}
	}
}
