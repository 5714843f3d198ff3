//go:build unix

package filelock_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// Processes that inherit the file share the hold. The hold lasts until the last of them has
// ended, or until one of them releases it.
func TestInheritedHold(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	one, two := startHeir(t, l), startHeir(t, l)
	other := filelock.New(path)
	one.Kill()
	mustTry(t, other, false)
	mustRelease(t, l) // for all of them
	mustTry(t, other, true)
	two.Kill()
	mustTry(t, l, false)
}

// A child process inherits a lock only if it is given the file.
func TestNotInherited(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder := startHolder(t, path)
	p := testproc.StartCmd(t, exec.Command("sh", "-c", "echo ready; read line"))
	p.Expect("ready")
	holder.Kill()
	l := filelock.New(path)
	mustTry(t, l, true)
	f, err := l.File() // no child has f, unless f is in its ExtraFiles
	must(t, err)
	defer f.Close()
	q := testproc.StartCmd(t, exec.Command("sh", "-c", "ls -l /proc/self/fd/ 2>/dev/null; echo done"))
	for line := q.Line(); line != "done"; line = q.Line() {
		if strings.Contains(line, path) {
			t.Errorf("a child inherited %s", line)
		}
	}
}

func TestGofrsKeepsItsFile(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	l := filelock.New(path)
	mustAcquire(t, l)
	fd, err := filelock.DescriptorOf(l)
	must(t, err)
	var there, here syscall.Stat_t
	must(t, syscall.Fstat(int(fd), &here))
	must(t, syscall.Stat(path, &there))
	if here.Ino != there.Ino || here.Dev != there.Dev {
		t.Fatal("the descriptor is of another file")
	}
	for _, shared := range []bool{false, true} {
		if exclusively, shares := filelock.SetLocked(shared); exclusively == shared || shares != shared {
			t.Errorf("setLocked(%v): Locked = %v, RLocked = %v", shared, exclusively, shares)
		}
	}
}

func TestNotALockFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("target"), []byte("text"), 0o666))
	for name, err := range map[string]error{
		"link":     os.Symlink("target", at("link")),
		"dangling": os.Symlink("nothing", at("dangling")),
		"loop":     os.Symlink("loop", at("loop")),
		"fifo":     syscall.Mkfifo(at("fifo"), 0o666),
	} {
		if err != nil {
			t.Fatal(name, err)
		}
	}
	socket, err := net.Listen("unix", at("socket"))
	must(t, err)
	defer socket.Close()

	for path, kind := range map[string]string{
		at("link"): "symbolic link", at("dangling"): "symbolic link", at("loop"): "symbolic link",
		at("fifo"): "FIFO", at("socket"): "socket", "/dev/null": "device", "/dev/tty": "device",
	} {
		ok, err := filelock.New(path).TryAcquire()
		var pathErr *fs.PathError
		if ok || !errors.As(err, &pathErr) || pathErr.Path != path || !errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), kind) {
			t.Errorf("TryAcquire of a %s = %v, %v", kind, ok, err)
		}
		if err := filelock.New(path).Acquire(background); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Acquire of a %s = %v", kind, err)
		}
	}
	if _, err := os.Lstat(at("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("the target of a dangling link was created")
	}
}

// A FIFO is not opened: a process that waits to write to the FIFO would take this process
// for a reader, and then SIGPIPE would kill it.
func TestFIFOIsNotOpened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fifo")
	link := lockPath(t)
	known := filelock.New(link) // has been locked before its file is replaced
	mustAcquire(t, known)
	mustRelease(t, known)
	must(t, syscall.Mkfifo(path, 0o666), os.Remove(link), os.Symlink(path, link))
	writer := testproc.StartCmd(t, exec.Command("sh", "-c", `echo ready; echo text > "$0"; echo written`, path))
	writer.Expect("ready")
	for _, l := range []*filelock.Lock{filelock.New(path), filelock.New(link), known} {
		if ok, err := l.TryAcquire(); ok || !errors.Is(err, fs.ErrInvalid) {
			t.Fatal(ok, err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "text\n" {
		t.Fatalf("read %q, %v", text, err)
	}
	writer.Expect("written")
}

func TestCannotOpen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{
		filepath.Join(dir, "missing", "a.lock"):       fs.ErrNotExist,
		filepath.Join(dir, strings.Repeat("n", 1000)): syscall.ENAMETOOLONG,
		filepath.Join(dir, "a\x00b"):                  syscall.EINVAL,
		"":                                            fs.ErrInvalid,
	} {
		mustFail := func(err error) {
			t.Helper()
			var pathErr *fs.PathError
			if !errors.As(err, &pathErr) || pathErr.Path != path || !errors.Is(err, want) || errors.Is(err, filelock.ErrLocked) {
				t.Errorf("path %.40q: %v, want %v", path, err, want)
			}
		}
		_, err := filelock.New(path).TryAcquire()
		mustFail(err)
		mustFail(filelock.New(path).Acquire(background))
	}
	notDir := filepath.Join(dir, "file")
	must(t, os.WriteFile(notDir, nil, 0o666))
	if _, err := filelock.New(filepath.Join(notDir, "a.lock")).TryAcquire(); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("below a file: %v", err)
	}
}

func TestNoLocksOnThisFileSystem(t *testing.T) {
	t.Parallel()
	for _, errno := range []syscall.Errno{syscall.ENOLCK, syscall.ENOSYS, syscall.EOPNOTSUPP} {
		err := filelock.FlockError("/mnt/a.lock", errno)
		var pathErr *fs.PathError
		if !errors.Is(err, errors.ErrUnsupported) || !errors.Is(err, errno) || !errors.As(err, &pathErr) ||
			pathErr.Path != "/mnt/a.lock" || errors.Is(err, filelock.ErrLocked) {
			t.Errorf("%v is reported as %v", errno, err)
		}
	}
	if err := filelock.FlockError("/mnt/a.lock", syscall.EIO); errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("EIO is reported as %v", err)
	}
}

// A signal does not end a wait.
func TestSignalsWhileWaiting(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	holder, waiter := startHead(t, path)
	for range 100 {
		waiter.Signal(syscall.SIGURG) // which the Go runtime catches and ignores
		waiter.Signal(syscall.SIGWINCH)
	}
	awaitWaiters(t, path, 1)
	waiter.Silent()
	release(t, holder)
	waiter.Expect("acquire")
}

func TestContentAndModeAreLeftAlone(t *testing.T) {
	t.Parallel()
	path := lockPath(t)
	must(t, os.WriteFile(path, []byte("#!/bin/sh\n"), 0o640))
	l := filelock.New(path, filelock.Perm(0o600))
	mustAcquire(t, l)
	mustRelease(t, l)
	text, err := os.ReadFile(path)
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || string(text) != "#!/bin/sh\n" || info.Mode() != 0o640 {
		t.Fatalf("%q, %v, %v", text, err, statErr)
	}
}

func TestPermAndUmask(t *testing.T) {
	// Not parallel: the umask belongs to the process.
	old := syscall.Umask(0o027)
	defer syscall.Umask(old)
	for _, c := range []struct {
		opts []filelock.Option
		want fs.FileMode
	}{{nil, 0o640}, {[]filelock.Option{filelock.Perm(0o600)}, 0o600}} {
		path := lockPath(t)
		mustTry(t, filelock.New(path, c.opts...), true)
		info, err := os.Stat(path)
		if err != nil || info.Mode() != c.want {
			t.Errorf("mode %v, %v; want %v", info.Mode(), err, c.want)
		}
	}
}

func TestDirectoryAsLock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	one, two := filelock.New(dir), filelock.New(dir)
	mustAcquire(t, one)
	mustTry(t, two, false)
	mustRelease(t, one)
	mustTry(t, two, true)
}

func init() { roles["try"] = tryRole }

// tryRole PATH: tries the lock once, and prints the result.
func tryRole(args []string) error {
	fmt.Println(filelock.New(args[0]).TryAcquire())
	return nil
}

// tryAsNobody tries the lock as another user, and returns the result.
func tryAsNobody(t *testing.T, path string) string {
	t.Helper()
	p := startAsNobody(t, "try", path)
	defer p.Wait()
	return p.Line()
}

// startAsNobody starts a process in a role, as another user. That user may not search the
// directories of tests, except those of publicDir.
func startAsNobody(t testing.TB, role string, args ...string) *testproc.Proc {
	t.Helper()
	return testproc.StartCmd(t, testproc.AsUser(t, testproc.RoleCmd(role, args...), 65534, 65534))
}

// publicDir returns a directory that other users may read.
func publicDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(dir, 0o755))
	return dir
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		dir, file fs.FileMode // file 0: there is no file
		want      string
	}{
		"file of another user":       {0o755, 0o644, "true <nil>"},
		"file without permission":    {0o755, 0o600, "permission denied"},
		"read-only directory":        {0o755, 0, "permission denied"},
		"directory without search":   {0o700, 0o644, "permission denied"},
		"directory open to everyone": {0o777, 0, "true <nil>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := publicDir(t)
			path := filepath.Join(dir, "a.lock")
			if c.file != 0 {
				must(t, os.WriteFile(path, nil, 0o666), os.Chmod(path, c.file))
			}
			must(t, os.Chmod(dir, c.dir))
			got := tryAsNobody(t, path)
			if !strings.HasSuffix(got, c.want) || strings.Contains(c.want, "denied") && !strings.Contains(got, path) {
				t.Fatalf("TryAcquire = %s, want %s", got, c.want)
			}
		})
	}
}
