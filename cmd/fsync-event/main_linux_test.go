package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// watchers returns the processes that watch a directory with inotify(7).
func watchers(dir string) (pids []int) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil
	}
	mark := fmt.Sprintf(" ino:%x ", info.Sys().(*syscall.Stat_t).Ino)
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		if watches(process, mark) {
			pid, _ := strconv.Atoi(filepath.Base(process))
			pids = append(pids, pid)
		}
	}
	return pids
}

func watches(process, mark string) bool {
	fds, _ := filepath.Glob(process + "/fd/*")
	for _, fd := range fds {
		if what, _ := os.Readlink(fd); what != "anon_inode:inotify" {
			continue
		}
		info, _ := os.ReadFile(process + "/fdinfo/" + filepath.Base(fd))
		if strings.Contains(string(info), mark) {
			return true
		}
	}
	return false
}

// A wait for a set event makes no watcher. Neither does a single look.
func TestNoWatcher(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "strace")
	if out, err := exec.Command("strace", "-f", "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace cannot trace here: %v: %s", err, out)
	}
	for args, want := range map[string]bool{
		"wait set":                   false,
		"wait --any clear set":       false,
		"wait set other":             false,
		"wait --cleared clear":       false,
		"wait -w 0 set":              false,
		"wait -w 0 clear":            false,
		"wait -w 0 --take set clear": false,
		"wait -w 0 --cleared set":    false,
		"wait --take taken":          false,
		"run --when ./set true":      false,
		"wait clear":                 true, // the test can see a watcher
		"run --when ./clear true":    true,
	} {
		t.Run(args, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			mustRun(t, dir, "set", "set", "other", "taken")
			cmd := testproc.Below(event(dir, strings.Fields(args)...), "strace", "-f", "-qq", "-o", filepath.Join(dir, "trace"), "-e", "trace=inotify_init1")
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			testproc.Must(t, cmd.Start())
			if want {
				testproc.Until(t, "it waits", func() bool { return len(watchers(dir)) > 0 })
				mustRun(t, dir, "set", "clear")
			}
			if err, exit := cmd.Wait(), (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			trace, err := os.ReadFile(filepath.Join(dir, "trace"))
			if err != nil {
				t.Fatal(err, out.String())
			}
			if got := strings.Contains(string(trace), "inotify_init1("); got != want {
				t.Errorf("a watcher: %t, want %t; it said %q\n%s", got, want, out.String(), trace)
			}
		})
	}
}

// A waiter that is killed disturbs no other waiter and has taken nothing.
func TestKilledWaiter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	killed := testproc.StartCmd(t, event(dir, "wait", "--take", "a"))
	other := testproc.StartCmd(t, event(dir, "wait", "--take", "a"))
	testproc.Until(t, "both wait", func() bool { return len(watchers(dir)) == 2 })
	killed.Kill()
	mustRun(t, dir, "set", "a")
	other.Expect("a")
	other.Wait()
	if exists(dir, "a") {
		t.Error("it was not taken")
	}
}

// drawnOnce removes repetitions of the line, which is drawn every second, from a screen.
func drawnOnce(screen, line string) string {
	for strings.Contains(screen, line+line) {
		screen = strings.ReplaceAll(screen, line+line, line)
	}
	return screen
}

// On a terminal a line shows the awaited events.
func TestNotice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	term := testproc.StartTerminal(t, event(dir, "wait", "--any", "b", "a\x1b[2J"))
	term.Await("\rfsync-event: waiting for b or a?[2J\x1b[K")
	mustRun(t, dir, "set", "a\x1b[2J")
	term.Wait()
	term.Hangup()
	// Control characters are replaced on stdout, too.
	const line = "\rfsync-event: waiting for b or a?[2J\x1b[K"
	if screen := drawnOnce(term.Screen(), line); screen != line+"\r\x1b[Ka?[2J\r\n" {
		t.Errorf("the screen: %q", screen)
	}
}

func TestNoticeOnADumbTerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := event(dir, "wait", "--cleared", "a", "b")
	cmd.Env = append(cmd.Env, "TERM=dumb")
	mustRun(t, dir, "set", "a", "b")
	term := testproc.StartTerminal(t, cmd)
	term.Await("fsync-event: waiting for a and b to be cleared\r\n")
	mustRun(t, dir, "clear", "a", "b")
	term.Wait()
	term.Hangup()
	if want := "fsync-event: waiting for a and b to be cleared\r\na\r\nb\r\n"; term.Screen() != want {
		t.Errorf("the screen: %q, want %q", term.Screen(), want)
	}
}

// The line fits the width of the terminal, and is wiped before the command of run
// starts.
func TestNoticeOfRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	long := "./" + strings.Repeat("long", 40)
	term := testproc.StartTerminal(t, event(dir, "run", "--when", long, "echo", "it ran"))
	before, _ := term.Await("…\x1b[K")
	if n := len(strings.TrimPrefix(before, "\r")); n != 78 {
		t.Errorf("%d columns", n)
	}
	mustRun(t, dir, "set", long)
	term.Wait()
	term.Hangup()
	if _, after, _ := strings.Cut(drawnOnce(term.Screen(), before+"…\x1b[K"), "…\x1b[K"); after != "\r\x1b[Kit ran\r\n" {
		t.Errorf("after the line: %q", after)
	}
}

// A signal wipes the line, and after a timeout a message names the events.
func TestEndOfNotice(t *testing.T) {
	t.Parallel()
	term := testproc.StartTerminal(t, event(t.TempDir(), "wait", "a"))
	term.Await("waiting for a\x1b[K")
	term.Type("\x03")
	if status := term.Exit(); status != -1 {
		t.Errorf("exit status %d, want that INT ended it", status)
	}
	term.Hangup()
	if _, after := term.Await("waiting for a\x1b[K"); !strings.HasSuffix(after, "\r\x1b[K") {
		t.Errorf("after the line: %q", after)
	}

	term = testproc.StartTerminal(t, event(t.TempDir(), "wait", "-w", ".01", "a", "b"))
	if status := term.Exit(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
	term.Hangup()
	if want := "fsync-event: gave up waiting for a and b\r\n"; !strings.HasSuffix(term.Screen(), want) {
		t.Errorf("the screen: %q, want %q", term.Screen(), want)
	}
}

// Ctrl-C reaches the command of run once, and ends both if it ends the command.
func TestInterruptOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mustRun(t, dir, "set", "a")
	term := testproc.StartTerminal(t, event(dir, "run", "--when", "./a", "--set", "./b", "sh", "-c", "echo ready; exec sleep 1000"))
	term.Await("ready")
	term.Type("\x03")
	if status := term.Exit(); status != -1 {
		t.Errorf("exit status %d, want that INT ended it", status)
	}

	// A second INT would come while the command sleeps.
	term = testproc.StartTerminal(t, event(dir, "run", "--when", "./a", "--set", "./b", "sh", "-c",
		"trap 'echo GOT' INT; echo ready; read x; sleep .2; sleep .2; exit 7"))
	term.Await("ready")
	term.Type("\x03")
	term.Await("GOT")
	term.Type("\n")
	if status := term.Exit(); status != 7 {
		t.Errorf("exit status %d, want 7", status)
	}
	term.Hangup()
	if n := strings.Count(term.Screen(), "GOT"); n != 1 {
		t.Errorf("it came %d times", n)
	}
	if exists(dir, "b") {
		t.Error("the command failed, and its event was set")
	}
}

// A wait in the background leaves the terminal alone.
func TestNoNoticeInTheBackground(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "bash")
	dir := t.TempDir()
	cmd := exec.Command("bash", "-mc", "fsync-event wait -w 60 a & sleep 1.5; echo done; fsync-event set a; wait; echo end")
	cmd.Dir, cmd.Env = dir, event(dir).Env
	term := testproc.StartTerminal(t, cmd)
	term.Wait()
	term.Hangup()
	if strings.Contains(term.Screen(), "waiting") {
		t.Errorf("the screen: %q", term.Screen())
	}
}
