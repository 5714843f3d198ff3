//go:build unix

package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// access returns the mode, the owner and the group of a file.
func access(info fs.FileInfo) string {
	st := info.Sys().(*syscall.Stat_t)
	return fmt.Sprintf("%v %d:%d", info.Mode(), st.Uid, st.Gid)
}

func mustLstat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// newJournal makes a journal with one line and a mode. If the test runs as root, the
// journal has another owner and group.
func newJournal(t *testing.T, mode fs.FileMode) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "journal")
	mustAppend(t, path, numbered(1, 0), 0)
	if os.Getuid() == 0 {
		if err := os.Chown(path, 65533, 65532); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// The new file has the owner, the group and the mode of the old one.
func TestRotationKeepsTheOwner(t *testing.T) {
	t.Parallel()
	for _, mode := range []fs.FileMode{0o600, 0o640, 0o664, 0o666, 0o604} {
		path := newJournal(t, mode)
		want := access(mustLstat(t, path))
		for i := range 3 {
			mustAppend(t, path, numbered(1, i+1), 1)
			if got, before := access(mustLstat(t, path)), access(mustLstat(t, path+".1")); got != want || before != want {
				t.Errorf("%s, and before it %s; want %s", got, before, want)
			}
		}
		if runs := mustRead(t, path); len(runs) != 2 {
			t.Errorf("%d runs", len(runs))
		}
		if names, _ := filepath.Glob(path + "*"); len(names) != 2 {
			t.Errorf("there are %q", names)
		}
	}
}

// While many writers rotate a journal, it always exists, and never has more permissions
// than at first.
func TestRotationOpensNothing(t *testing.T) {
	t.Parallel()
	path := newJournal(t, 0o640)
	want := access(mustLstat(t, path))
	text, err := numbered(1, 1).encode()
	if err != nil {
		t.Fatal(err)
	}
	var procs []*testproc.Proc
	for w := range 3 {
		procs = append(procs, testproc.Start(t, "append", path, fmt.Sprint(w+1), "30", fmt.Sprint(2*len(text))))
	}
	for _, p := range procs {
		p.Send("go")
	}
	running := func() bool {
		for _, p := range procs {
			if !p.Exited() {
				return true
			}
		}
		return false
	}
	for ; running(); runtime.Gosched() {
		if got := access(mustLstat(t, path)); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		info, err := os.Lstat(path + ".new")
		if err != nil {
			continue
		}
		got := access(info)
		if info.Mode().Perm()&0o077 == 0 || got == want {
			continue
		}
		// Lstat is not atomic: it may have read the owner before a change, and the
		// mode after it.
		if again, err := os.Lstat(path + ".new"); err == nil && os.SameFile(info, again) && access(again) == got {
			t.Fatalf("the new file is %s", got)
		}
	}
	for _, p := range procs {
		p.Wait()
	}
}

// The new file has the access control list of the old one, and not the default list of
// the directory.
func TestRotationKeepsTheACL(t *testing.T) {
	t.Parallel()
	path := newJournal(t, 0o640)
	list := func(file string) string {
		out, err := exec.Command("getfacl", "-cpn", file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	for _, args := range [][]string{{"-m", "u:65531:r", path}, {"-d", "-m", "u:65530:rw", filepath.Dir(path)}} {
		if out, err := exec.Command("setfacl", args...).CombinedOutput(); err != nil {
			t.Skipf("setfacl: %v: %s", err, out)
		}
	}
	want := list(path)
	mustAppend(t, path, numbered(1, 1), 1)
	if got := list(path); got != want || !strings.Contains(got, "user:65531:r--") {
		t.Errorf("%s, want %s", got, want)
	}
	if out, err := exec.Command("setfacl", "-b", path).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, path, numbered(1, 2), 1)
	if got := list(path); strings.Contains(got, "65530") || !strings.Contains(got, "group::rw-") {
		t.Errorf("it has %s", got)
	}
}

// A rotation cannot set the group of the new file, because the user has no right to it. Then
// the group of the new file gets at most the permissions that all other users have.
func TestRotationByAnotherUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	for _, c := range []struct {
		owner  int
		mode   fs.FileMode
		list   string // an entry that gives the user access
		groups []uint32
		want   string
	}{
		{65533, 0o660, "", []uint32{65532}, "-rw-rw---- 65531:65532"},
		{65533, 0o666, "", nil, "-rw-rw-rw- 65531:65531"},
		{65533, 0o626, "", nil, "-rw--w-rw- 65531:65531"},
		{65533, 0o660, "u:65531:rw", nil, "-rw------- 65531:65531"},
		{65533, 0o666, "u:65531:rw", nil, "-rw----rw- 65531:65531"}, // the bits of the group are the mask of the list
		{65531, 0o660, "", nil, "-rw------- 65531:65531"},
		{65531, 0o674, "", nil, "-rw-r--r-- 65531:65531"},
	} {
		path := newJournal(t, c.mode)
		if err := os.Chown(path, c.owner, -1); err != nil {
			t.Fatal(err)
		}
		if c.list != "" {
			if out, err := exec.Command("setfacl", "-m", c.list, path).CombinedOutput(); err != nil {
				t.Logf("setfacl: %v: %s", err, out)
				continue
			}
		}
		for _, dir := range []string{filepath.Dir(filepath.Dir(path)), filepath.Dir(path)} {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		p := testproc.StartCmd(t, testproc.AsUser(t, testproc.RoleCmd("append", path, "1", "1", "1"), 65531, 65531, c.groups...))
		p.Send("go")
		p.Wait()
		if got := access(mustLstat(t, path)); got != c.want {
			t.Errorf("%v: %s, want %s", c.mode, got, c.want)
		}
	}
}

// In the middle of a rotation the journal has two names. If the writer was killed at
// that moment, its runs are read once, and the next writer rotates it.
func TestInterruptedRotation(t *testing.T) {
	t.Parallel()
	path := newJournal(t, 0o640)
	want := access(mustLstat(t, path))
	if err := errors.Join(os.Link(path, path+".1"), os.WriteFile(path+".new", []byte("old"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if runs := mustRead(t, path); len(runs) != 1 {
		t.Errorf("%d runs", len(runs))
	}
	mustAppend(t, path, numbered(1, 1), 1)
	if runs := mustRead(t, path); len(runs) != 2 || access(mustLstat(t, path)) != want {
		t.Errorf("%d runs; it is %s, want %s", len(runs), access(mustLstat(t, path)), want)
	}
	if names, _ := filepath.Glob(path + "*"); len(names) != 2 {
		t.Errorf("there are %q", names)
	}
}
