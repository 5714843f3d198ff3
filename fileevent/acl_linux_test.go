package fileevent

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// sharedDir returns a directory of uid 1000 and gid 1000 with the mode and, from
// setfacl(1), the ACL.
func sharedDir(t *testing.T, mode fs.FileMode, entries ...string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	dir := openDir(t, 0o700)
	must(t, os.Chown(dir, 1000, 1000), os.Chmod(dir, mode))
	if len(entries) == 0 {
		return dir
	}
	testproc.Need(t, "setfacl")
	for _, entry := range entries {
		if out, err := exec.Command("setfacl", "-m", entry, dir).CombinedOutput(); err != nil {
			t.Skipf("setfacl: %v: %s", err, out)
		}
	}
	return dir
}

// mayWrite reports whether a user may make files in a directory.
func mayWrite(t *testing.T, dir string, uid, gid uint32) bool {
	t.Helper()
	cmd := exec.Command("touch", filepath.Join(dir, "probe"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	defer os.Remove(filepath.Join(dir, "probe"))
	return cmd.Run() == nil
}

// A user with write permission for a directory can set and clear its events, whatever user
// made DIR/.fsync. A user without that permission may not write to DIR/.fsync either.
func TestWhoMayUseTheDirectoryOfTombstones(t *testing.T) {
	t.Parallel()
	type user struct{ uid, gid uint32 }
	owner, colleague, guest := user{1000, 1000}, user{1003, 1000}, user{1001, 1001}
	stranger, cousin := user{1002, 1002}, user{1004, 1001}
	all := []user{owner, colleague, guest, stranger, cousin}
	for what, c := range map[string]struct {
		mode    fs.FileMode
		entries []string
		may     []user
	}{
		"a user":               {0o750, []string{"u:1001:rwx"}, []user{owner, guest}},
		"a group":              {0o750, []string{"g:1001:rwx"}, []user{owner, guest, cousin}},
		"the group":            {0o770, nil, []user{owner, colleague}},
		"the group, set":       {0o770 | fs.ModeSetgid, nil, []user{owner, colleague}},
		"the group, by ACL":    {0o770, []string{"u:1001:rwx"}, []user{owner, colleague, guest}},
		"defaults":             {0o750, []string{"u:1001:rwx", "d:u:1002:rwx", "d:o::rwx"}, []user{owner, guest}},
		"only defaults":        {0o750, []string{"d:u:1002:rwx", "d:o::rwx"}, []user{owner}},
		"others":               {0o777, nil, all},
		"others, by ACL":       {0o707, []string{"g::---", "u:1002:---"}, []user{owner, guest, cousin}},
		"others, not an owner": {0o707, []string{"u:1001:rwx", "g:1001:r-x"}, []user{owner, guest, stranger}},
		"an empty mask":        {0o707, []string{"u:1001:rwx", "m::---"}, []user{owner, guest, stranger, cousin}},
		"masked":               {0o750, []string{"u:1001:rwx", "g:1001:rwx", "m::r-x"}, []user{owner}},
	} {
		for _, first := range c.may {
			t.Run(what, func(t *testing.T) {
				t.Parallel()
				dir := sharedDir(t, c.mode, c.entries...)
				path := filepath.Join(dir, "ready")
				startAgentAs(t, path, first.uid, first.gid).Send("pulse")
				testproc.Until(t, "there is a tombstone", func() bool {
					_, err := os.Lstat(filepath.Join(dir, ".fsync", "ready.pulse"))
					return err == nil
				})
				for _, u := range all {
					want := mayWrite(t, dir, u.uid, u.gid)
					may := mayWrite(t, filepath.Join(dir, ".fsync"), u.uid, u.gid)
					if may != want {
						out, _ := exec.Command("getfacl", "-n", dir, filepath.Join(dir, ".fsync")).CombinedOutput()
						t.Errorf("user %v may write: %v, want %v, when %v made it\n%s", u, may, want, first, out)
					}
				}
				for _, u := range c.may {
					a := startAgentAs(t, path, u.uid, u.gid)
					ask(t, a, "wait", "asleep")
					pulse(t, New(path))
					a.Expect("ok")
					ask(t, a, "pulse", "ok")
				}
			})
		}
	}
}

// A Wait for a set event needs no tombstone: it succeeds even if it may not read DIR/.fsync.
func TestWaitForWhatIsSetNeedsNoTombstone(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t, 0o755)
	path := filepath.Join(dir, "ready")
	must(t, os.Mkdir(filepath.Join(dir, ".fsync"), 0))
	must(t, os.Chmod(filepath.Join(dir, ".fsync"), 0))
	a := startAgentAs(t, path, 1001, 1001)
	a.Send("wait")
	if line := a.Line(); line != "open "+filepath.Join(dir, ".fsync", "ready.pulse")+": permission denied" {
		t.Errorf("wait: %s", line)
	}
	must(t, New(path).Set())
	ask(t, a, "wait", "ok")
}

// While the directory of tombstones is made, a user without permission for it tries to use
// it all the time. No try succeeds.
func TestDirectoryOfTombstonesIsNeverWider(t *testing.T) {
	t.Parallel()
	dir := sharedDir(t, 0o750, "u:1001:rwx", "d:o::rwx", "d:u:1002:rwx")
	path := filepath.Join(dir, "ready")
	must(t, New(path).Set())
	// strace makes a pause after every call that could change permissions.
	a := startTraced(t, path, os.DevNull, "inject=mkdirat,fchown,fchownat,fchmod,fchmodat,fsetxattr,fremovexattr,renameat:delay_exit=20000")
	a.Send("clear")
	for done := false; !done; {
		select {
		case line := <-a.Lines():
			if line != "ok" {
				t.Fatal(line)
			}
			done = true
		default:
		}
		made, _ := filepath.Glob(filepath.Join(dir, ".fsync*"))
		for _, dir := range made {
			if mayWrite(t, dir, 1002, 1002) || mayWrite(t, dir, 1003, 1000) {
				t.Fatalf("a stranger may write to %s", dir)
			}
		}
	}
}
