package process

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// The functions of this package describe a child whose name contains parentheses.
func TestStatOfChild(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Skip(err)
	}
	path := filepath.Join(t.TempDir(), "a) R (b")
	if err := os.Symlink(shell, path); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-c", "echo ready; read line")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	if _, err := out.Read(make([]byte, 6)); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	s, ok := StatOf(pid)
	me, _ := StatOf(os.Getpid())
	if !ok || s.Name != "a) R (b" || s.Parent != os.Getpid() || s.Group != pid || s.Threads != 1 || s.Start < me.Start {
		t.Errorf("%+v %v, this process %+v", s, ok, me)
	}
	if got := Ancestors(pid); len(got) < 2 || got[0] != os.Getpid() || got[1] != os.Getppid() || slices.Contains(got, 0) {
		t.Errorf("ancestors %v", got)
	}
	if got := CommandLine(pid); got != path+" -c echo ready; read line" {
		t.Errorf("command line %q", got)
	}
	if all, err := List(); err != nil || !slices.Contains(all, pid) || slices.Contains(all, 0) {
		t.Errorf("%d is not among %v, %v", pid, all, err)
	}
	if fds, err := Descriptors(pid); err != nil || !slices.Contains(fds, "1") || IsHidden(pid) {
		t.Errorf("descriptors %v, %v", fds, err)
	}
}

// Text that is not what the kernel shows of a process describes no process.
func TestStatOfDamagedText(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fields := strings.Repeat(" 7", 18)
	for text, want := range map[string]bool{
		"1 (name) S" + fields + " 42\n":         true,
		"1 (a) ) S (b) S" + fields + " 42 43\n": true,
		"1 (name) S" + fields + "\n":            false,
		"1 (name) S" + fields + " many\n":       false,
		"1 name) S" + fields + " 42\n":          false,
		"1 (name S" + fields + " 42\n":          false,
		"1 )name( S" + fields + " 42\n":         false,
		"":                                      false,
	} {
		if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if s, ok := statIn(dir); ok != want || ok && s.Start != 42 {
			t.Errorf("%q: %+v, %v", text, s, ok)
		}
	}
	if s, ok := statIn(dir + "/missing"); ok || s != (Stat{}) {
		t.Errorf("a missing process: %+v, %v", s, ok)
	}
}

// The record of a process that has ended stays its record. A PID that no process has may have
// been that of any process of another PID namespace.
func TestWroteOfTheDead(t *testing.T) {
	t.Parallel()
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Skip(err)
	}
	pid := gone.Process.Pid
	mine, other := Self(), Self()
	mine.PID, mine.Start = pid, "1"
	other.PIDNS, other.PID = "1", pid+1
	if !mine.Wrote(pid) || !other.Wrote(pid) {
		t.Errorf("its record: %v, a record of another namespace: %v", mine.Wrote(pid), other.Wrote(pid))
	}
	if mine.PID++; mine.Wrote(pid) {
		t.Error("it wrote the record of another PID")
	}
	if _, err := Descriptors(pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("descriptors of the dead: %v", err)
	}
	if IsHidden(pid) || CommandLine(pid) != "" || len(Ancestors(pid)) > 0 {
		t.Error("the dead process is described")
	}
}

// A process is the writer of its own record, and of no other.
func TestWrote(t *testing.T) {
	t.Parallel()
	me := Self()
	if s, _ := StatOf(os.Getpid()); me.Start != strconv.FormatUint(s.Start, 10) || me.Boot == "" || strings.Trim(me.PIDNS, "0123456789") != "" {
		t.Errorf("%+v, stat %+v", me, s)
	}
	for name, c := range map[string]struct {
		change func(*Record)
		want   bool
	}{
		"its own":                        {func(*Record) {}, true},
		"another start":                  {func(r *Record) { r.Start += "0" }, false},
		"another boot":                   {func(r *Record) { r.Boot = "another" }, false},
		"another PID":                    {func(r *Record) { r.PID++ }, false},
		"another namespace":              {func(r *Record) { r.PIDNS = "1" }, true},
		"another namespace, another PID": {func(r *Record) { r.PIDNS, r.PID = "1", r.PID+1 }, false},
	} {
		r := me
		c.change(&r)
		if got := r.Wrote(os.Getpid()); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
