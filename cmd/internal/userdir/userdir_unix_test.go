//go:build unix

package userdir

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func TestMain(m *testing.M) {
	testproc.Main(m, map[string]testproc.Role{"find": sayDefault, "open": open})
}

// sayDefault UID prints the default directory of a user, or the error.
func sayDefault(args []string) error {
	if err := become(args[0]); err != nil {
		return err
	}
	dir, err := Default()
	if err == nil {
		fmt.Println(dir)
	} else {
		fmt.Println(errors.Is(err, ErrUsage), err)
	}
	return nil
}

// open UID creates the default directory of a user, or prints the error.
func open(args []string) error {
	if err := become(args[0]); err != nil {
		return err
	}
	m, err := Open("")
	if err == nil {
		fmt.Println(m.Dir())
	} else {
		fmt.Println(err)
	}
	return nil
}

func become(arg string) error {
	uid, err := strconv.Atoi(arg)
	if err != nil || uid == os.Geteuid() {
		return err
	}
	return errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid))
}

// start runs a role as a user, in a directory of that user. Of the variables that matter, it has only those in env.
func start(t *testing.T, role string, uid int, env ...string) *testproc.Proc {
	cmd := testproc.RoleCmd(role, strconv.Itoa(uid))
	var kept []string
	for _, variable := range cmd.Env {
		switch name, _, _ := strings.Cut(variable, "="); name {
		case "FSYNC_DIR", "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "HOME":
		default:
			kept = append(kept, variable)
		}
	}
	cmd.Env, cmd.Dir = append(kept, env...), dirOf(t, uid)
	return testproc.StartCmd(t, cmd)
}

// aUser returns a user that is not root.
func aUser() int {
	if uid := os.Geteuid(); uid != 0 {
		return uid
	}
	return 65534
}

// dirOf creates a directory of a user that all users can reach.
func dirOf(t *testing.T, uid int) string {
	t.Helper()
	dir := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, uid, uid)); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestDefault(t *testing.T) {
	t.Parallel()
	user := aUser()
	home, mine, link := dirOf(t, user), dirOf(t, user), filepath.Join(dirOf(t, user), "link")
	if err := os.Symlink("/run/user/1", link); err != nil {
		t.Fatal(err)
	}
	everybodys := dirOf(t, user)
	if err := os.Chmod(everybodys, 0o1777); err != nil {
		t.Fatal(err)
	}
	def := filepath.Join(home, ".local/state/fsync")
	homeless := "true a name needs a directory, and this user has no home directory: give --dir, or set FSYNC_DIR"
	fromFile := homeless
	if dir := homeOf(user, passwd); dir != "" {
		fromFile = filepath.Join(dir, ".local/state/fsync")
	}
	chosen := func(dir, why string) string {
		return fmt.Sprintf("true FSYNC_DIR is %q%s write the whole path", dir, why)
	}
	const relative = ", which is not an absolute path: cron and systemd do not expand variables or ~;"
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"of cron":              {nil, def},
		"of a login":           {[]string{"XDG_RUNTIME_DIR=/run/user/" + strconv.Itoa(user)}, def},
		"of a link to logins":  {[]string{"XDG_RUNTIME_DIR=" + link}, def},
		"of a profile":         {[]string{"XDG_STATE_HOME=" + mine}, def},
		"chosen":               {[]string{"FSYNC_DIR=/srv/locks", "XDG_RUNTIME_DIR=" + mine}, "/srv/locks"},
		"given":                {[]string{"XDG_RUNTIME_DIR=" + mine}, mine + "/fsync"},
		"given, relative":      {[]string{"XDG_RUNTIME_DIR=."}, def},
		"given, for everybody": {[]string{"XDG_RUNTIME_DIR=" + everybodys}, def},
		"given, missing":       {[]string{"XDG_RUNTIME_DIR=" + mine + "/no"}, def},
		"not expanded":         {[]string{"FSYNC_DIR=$HOME/.fsync"}, chosen("$HOME/.fsync", relative)},
		"not expanded either":  {[]string{"FSYNC_DIR=~/.fsync"}, chosen("~/.fsync", relative)},
		"relative":             {[]string{"FSYNC_DIR=locks"}, chosen("locks", relative)},
		"absolute, and not expanded": {[]string{"FSYNC_DIR=/tmp/$USER/locks"},
			chosen("/tmp/$USER/locks", ", which does not exist: cron and systemd do not expand variables;")},
		"no home":       {[]string{"HOME="}, fromFile},
		"relative home": {[]string{"HOME=."}, fromFile},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start(t, "find", user, append([]string{"HOME=" + home}, c.env...)...).Expect(c.want)
		})
	}
}

// The directory of a session is removed at logout, and cron does not know it.
func TestDirectoryOfASession(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be a login manager")
	}
	user := 100_000 + rand.IntN(900_000) // this test may run several times at once
	home, session := dirOf(t, user), "/run/user/"+strconv.Itoa(user)
	if err := os.Mkdir(filepath.Dir(session), 0o755); err == nil {
		t.Cleanup(func() { os.Remove(filepath.Dir(session)) })
	}
	if err := os.Mkdir(session, 0o700); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(session) })
	if err := os.Chown(session, user, user); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(home, "link")
	if err := os.Symlink(session, link); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{session, session + "/", link} {
		start(t, "find", user, "HOME="+home, "XDG_RUNTIME_DIR="+dir).Expect(home + "/.local/state/fsync")
	}
}

// After "sudo -E" or su, root has the variables of a user; after "su -m", a user has the
// variables of another user.
func TestVariablesOfAnother(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to be two users")
	}
	user, other := dirOf(t, 65534), dirOf(t, 65533)
	env := []string{"HOME=" + user, "XDG_RUNTIME_DIR=" + user}
	root := "/var/run/fsync"
	if runtime.GOOS == "linux" {
		root = "/run/fsync"
	}
	start(t, "find", 0, env...).Expect(root)
	start(t, "find", 65534, "HOME="+user, "XDG_RUNTIME_DIR="+other).Expect(user + "/.local/state/fsync")
	if got := start(t, "find", 65533, env...).Line(); strings.Contains(got, user) {
		t.Errorf("a user without a home has %s", got)
	}
	for _, dir := range []string{user, other} {
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Error(files, err)
		}
	}
}

// The directory, and missing directories above it, are created for the user alone.
func TestOpenIsPrivate(t *testing.T) {
	t.Parallel()
	home := dirOf(t, aUser())
	dir := filepath.Join(home, ".local/state/fsync")
	start(t, "open", aUser(), "HOME="+home).Expect(dir)
	for ; dir != home; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Error(dir, info.Mode(), err)
		}
	}
}

func TestOpenSaysWhatToDo(t *testing.T) {
	t.Parallel()
	home := dirOf(t, aUser())
	if err := os.Chmod(home, 0o500); err != nil {
		t.Fatal(err)
	}
	if got := start(t, "open", aUser(), "HOME="+home).Line(); !strings.Contains(got, "permission denied; choose another directory with --dir or FSYNC_DIR") {
		t.Error(got)
	}
}

// Another user who could write to the default directory could hold this user's locks for ever.
// A directory that the user has chosen may be shared.
func TestOpenRefusesSharedDirectories(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sub, variable string
		refused       bool
	}{
		"home":    {".local/state/fsync", "HOME=", true},
		"runtime": {"fsync", "XDG_RUNTIME_DIR=", true},
		"chosen":  {".", "FSYNC_DIR=", false},
	} {
		for _, mode := range []os.FileMode{0o770, 0o707, 0o700} {
			base := dirOf(t, aUser())
			dir := filepath.Join(base, c.sub)
			err := os.MkdirAll(dir, 0o755)
			for below := dir; below != base; below = filepath.Dir(below) {
				err = errors.Join(err, os.Chown(below, aUser(), aUser()))
			}
			if err = errors.Join(err, os.Chmod(dir, mode)); err != nil {
				t.Fatal(err)
			}
			got := start(t, "open", aUser(), c.variable+base).Line()
			if refused := strings.Contains(got, "no other user may write to"); refused != (c.refused && mode != 0o700) || !refused && got != dir {
				t.Errorf("%s, mode %o: %s", name, mode, got)
			}
		}
	}
}

// A user without a home directory has no default directory.
func TestNoHome(t *testing.T) {
	t.Parallel()
	const user = 54322
	if os.Geteuid() != 0 || homeOf(user, passwd) != "" {
		t.Skip("needs root, to be a user that the password file does not have")
	}
	for _, role := range []string{"find", "open"} {
		if got := start(t, role, user).Line(); !strings.HasSuffix(got, "this user has no home directory: give --dir, or set FSYNC_DIR") {
			t.Errorf("%s: %s", role, got)
		}
	}
}

// Hosts that share a home directory do not share names.
func TestHomeOfSeveralHosts(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("bindfs"); err != nil || os.Geteuid() != 0 {
		t.Skip("needs bindfs, and root to mount it")
	}
	home := dirOf(t, aUser())
	if out, err := exec.Command("bindfs", home, home).CombinedOutput(); err != nil {
		t.Skipf("bindfs: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("umount", "-l", home).Run() })
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, ".local/state/fsync", host)
	start(t, "find", aUser(), "HOME="+home).Expect(dir)
	start(t, "open", aUser(), "HOME="+home).Expect(dir)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := start(t, "open", aUser(), "HOME="+home).Line(); !strings.Contains(got, "no other user may write to") {
		t.Errorf("a directory for everybody: %s", got)
	}
}

func TestIsSession(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]bool{"/run/user/1": true, "/run/user/1/": true, "/run/../run/user/1": true, "/run/users/1": false, "/srv/run": false} {
		if got := isSession(dir); got != want {
			t.Errorf("isSession(%q) = %v", dir, got)
		}
	}
}

// FuzzHome compares homeIn with a regular expression.
func FuzzHome(f *testing.F) {
	for _, text := range []string{
		"root:x:0:0::/root:/bin/sh\n# 1000\n\nshort:x:7:7:\n#old:x:1000:1000::/home/old:/bin/sh\n+nis:x:1000:1000::/home/nis:/bin/sh\nrelative:x:7:8::home:/bin/sh\nann:x:7:1000:Ann,,,:/home/ann:/bin/zsh",
		"#old:x:7:7::/home/old:/bin/sh\n+nis:x:7:7::/home/nis:/bin/sh\n-no:x:7:7::/home/no:/bin/sh\nnew:x:7:7::/home/new:/bin/sh\r\n",
		":x:7:7::/home/nobody:\n7:7:7:7:7:/7:7\n", "a:x:7:7::/home/" + strings.Repeat("a", 70000) + ":\nb:x:8:8::/b:\n", "a:x:07:7::/a:\n+::::::\n",
	} {
		f.Add(text, 7)
		f.Add(text, 8)
		f.Add(text, 1000)
	}
	f.Fuzz(func(t *testing.T, text string, uid int) {
		if strings.Contains(text, "\r") {
			return
		}
		line := regexp.MustCompile(`(?m)^[^#+\-:\n][^:\n]*:[^:\n]*:` + strconv.Itoa(uid) + `:[^:\n]*:[^:\n]*:(/[^:\n]*):[^:\n]*$`)
		want := ""
		if m := line.FindStringSubmatch(text); m != nil {
			want = m[1]
		}
		if got := homeIn(text, uid); got != want {
			t.Errorf("homeIn(%q, %d) = %q, want %q", text, uid, got, want)
		}
	})
}

func TestHomeOf(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "passwd")
	text := "root:x:0:0::/root:/bin/sh\n# 1000\n\nshort:x:7:7:\nrelative:x:8:8::home:/bin/sh\nann:x:1000:1000:Ann,,,:/home/ann:/bin/zsh\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	for uid, want := range map[int]string{0: "/root", 1000: "/home/ann", 7: "", 8: "", 100: ""} {
		if got := homeOf(uid, file); got != want {
			t.Errorf("homeOf(%d) = %q, want %q", uid, got, want)
		}
	}
	if got := homeOf(0, file+".no"); got != "" {
		t.Error(got)
	}
}
