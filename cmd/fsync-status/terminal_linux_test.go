package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

var cells = term.Cells // in the tests, term is a terminal

// onTerminal runs fsync-status on a new terminal of 80 columns and 24 lines.
func onTerminal(t *testing.T, env string, args ...string) *testproc.Terminal {
	t.Helper()
	cmd := exec.Command("fsync-status", args...)
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=", "GORACE=atexit_sleep_ms=0", env)
	return testproc.StartTerminal(t, cmd)
}

// heldDir returns a directory with a free lock and a held one.
func heldDir(t *testing.T) (dir, held string) {
	t.Helper()
	dir = t.TempDir()
	held = filepath.Join(dir, "held.lock")
	if err := os.WriteFile(filepath.Join(dir, "free.lock"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	lock := filelock.New(held)
	if ok, err := lock.TryAcquire(); !ok || err != nil {
		t.Fatal(ok, err)
	}
	t.Cleanup(func() { lock.Release() })
	return dir, held
}

// openTTY opens the terminal that a process has as its standard input.
func openTTY(t *testing.T, pid int) *os.File {
	t.Helper()
	tty, err := os.OpenFile(fmt.Sprintf("/proc/%d/fd/0", pid), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty
}

// resize gives a terminal a new size.
func resize(t *testing.T, tty *os.File, rows, columns uint16) {
	t.Helper()
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
}

// ended waits until the program has ended, and fails the test unless it has this exit
// status and has left the screen.
func ended(t *testing.T, term *testproc.Terminal, status int) {
	t.Helper()
	if got := term.Exit(); got != status {
		t.Errorf("exit status %d, want %d; screen %q", got, status, term.Screen())
	}
	term.Hangup()
	if !strings.HasSuffix(term.Screen(), leaveScreen) || strings.Count(term.Screen(), enterScreen) != strings.Count(term.Screen(), leaveScreen) {
		t.Errorf("the screen was not left: %q", term.Screen())
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	dir, held := heldDir(t)
	term := onTerminal(t, "", "--watch", dir)
	tty := openTTY(t, term.PID())
	before, _ := term.Await("1 of 2 busy in " + dir)
	if !strings.HasPrefix(before, enterScreen+eraseAll) || strings.Index(before, "held") > strings.Index(before, "free") {
		t.Errorf("the first screen: %q", before)
	}
	attributes, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil || attributes.Lflag&(unix.ECHO|unix.ICANON) != 0 {
		t.Errorf("the terminal shows keys: %+v, %v", attributes, err)
	}

	// Only the lines that change are drawn.
	shown := len(term.Screen())
	waiter := testproc.StartCmd(t, exec.Command("flock", held, "true"))
	testproc.Until(t, "a waiter on the screen", func() bool { return strings.Contains(term.Screen()[shown:], "waits") })
	if change := term.Screen()[shown:]; strings.Contains(change, "KIND") && strings.Contains(change, eraseAll) {
		t.Errorf("all was drawn again: %q", change)
	}
	waiter.Kill()
	testproc.Until(t, "no waiter on the screen", func() bool {
		_, after, _ := strings.Cut(term.Screen()[shown:], "waits")
		return strings.Contains(after, "2 busy")
	})

	// After a change of the size all lines are drawn at once, and they fit.
	shown = len(term.Screen())
	resize(t, tty, 10, 30)
	testproc.Until(t, "all is drawn again", func() bool {
		return strings.Contains(term.Screen()[shown:], eraseAll) && strings.Contains(term.Screen()[shown:], "2 busy")
	})
	for _, line := range strings.Split(regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`).ReplaceAllString(strings.ReplaceAll(term.Screen()[shown:], eraseToEnd, "\n"), ""), "\n") {
		if cells(line) > 30 {
			t.Errorf("%d cells: %q", cells(line), line)
		}
	}

	// Ctrl-Z does not stop the program, because no shell could continue it.
	shown = len(term.Screen())
	term.Type("\x1a")
	testproc.Until(t, "all is drawn on a new screen", func() bool {
		_, after, left := strings.Cut(term.Screen()[shown:], leaveScreen)
		return left && strings.HasPrefix(after, enterScreen) && strings.Contains(after, "2 busy")
	})

	term.Type("xq")
	if got := term.Exit(); got != 0 {
		t.Errorf("exit status %d", got)
	}
	if attributes, err = unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS); err != nil || attributes.Lflag&unix.ECHO == 0 || attributes.Lflag&unix.ICANON == 0 {
		t.Errorf("the terminal does not show keys afterwards: %v", err)
	}
	tty.Close()
	ended(t, term, 0)
}

// A small window shows a part of the table, says which part, and scrolls.
func TestWatchInASmallWindow(t *testing.T) {
	t.Parallel()
	dir, _ := heldDir(t)
	for i := range 40 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("n%02d.lock", i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-c", "stty rows 8 cols 60 && exec fsync-status --watch "+dir)
	cmd.Env = append(os.Environ(), "TERM=xterm", "NO_COLOR=1", "LC_ALL=C.UTF-8", "GORACE=atexit_sleep_ms=0")
	term := testproc.StartTerminal(t, cmd)
	term.Await("lines 1-4 of 42, columns 1-60 of ")
	for _, c := range []struct{ keys, want string }{
		{"j", "lines 2-5 of 42"}, {"\x1b[B", "lines 3-6 of 42"}, {"\x1b[A", "lines 2-5 of 42"}, {"\x1b[6~", "lines 5-8 of 42"}, {"\x1b[5~\x1b[5~", "lines 1-4 of 42"},
		{"G", "lines 39-42 of 42"}, {" ", ""}, {"k", "lines 38-41 of 42"}, {"\x1b[H", "lines 1-4 of 42"}, {"l", "columns 9-68 of "}, {"\x1bOD", "columns 1-60 of "},
	} {
		shown := len(term.Screen())
		term.Type(c.keys)
		if c.want != "" {
			testproc.Until(t, fmt.Sprintf("%q leads to %s", c.keys, c.want), func() bool { return strings.Contains(term.Screen()[shown:], c.want) })
		}
		if c.keys == "G" && !strings.Contains(term.Screen()[shown:], "n39.lock") {
			t.Errorf("the end is not shown: %q", term.Screen()[shown:])
		}
	}
	term.Type("q")
	ended(t, term, 0)
}

// Ctrl-Z gives the terminal to the shell. When the program continues, it draws again. The
// shell need not be the parent.
func TestWatchIsStopped(t *testing.T) {
	t.Parallel()
	for name, watch := range map[string]string{"child": "fsync-status --watch $DIR", "grandchild": "sh -c 'fsync-status --watch $DIR; exit $?'"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, _ := heldDir(t)
			cmd := exec.Command("sh", "-mc", watch+"; stty -a; echo the shell has it; read line; fg; echo ended with $?")
			cmd.Env = append(os.Environ(), "TERM=xterm", "DIR="+dir, "GORACE=atexit_sleep_ms=0")
			term := testproc.StartTerminal(t, cmd)
			term.Await("1 of 2 busy")
			term.Type("\x1a")
			before, _ := term.Await("the shell has it")
			// It does not wait for a grandchild to leave the terminal.
			if _, settings, _ := strings.Cut(before, leaveScreen); name == "child" && !regexp.MustCompile(`[^-]echo\b`).MatchString(settings) {
				t.Errorf("the shell has a terminal without echo: %q", before)
			}
			term.Await(leaveScreen)
			testproc.Until(t, "stopped", func() bool { return isStopped("fsync-status\x00--watch\x00" + dir + "\x00") })
			term.Type("\n")
			testproc.Until(t, "all is drawn on a new screen", func() bool {
				_, after, _ := strings.Cut(term.Screen()[len(before):], enterScreen)
				return strings.Contains(after, "1 of 2 busy")
			})
			term.Type("q")
			term.Await(leaveScreen + "ended with 0")
			term.Wait()
		})
	}
}

// isStopped reports whether the process with this command line is stopped.
func isStopped(command string) bool {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, line := range lines {
		if text, _ := os.ReadFile(line); string(text) == command {
			stat, _ := os.ReadFile(filepath.Join(filepath.Dir(line), "stat"))
			return regexp.MustCompile(`\) T `).Match(stat)
		}
	}
	return false
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		end    func(*testproc.Terminal)
		status int
	}{
		{"Ctrl-C", func(term *testproc.Terminal) { term.Type("\x03") }, 0},
		{"TERM", func(term *testproc.Terminal) { term.Signal(syscall.SIGTERM) }, 143},
		{"QUIT", func(term *testproc.Terminal) { term.Signal(syscall.SIGQUIT) }, 131},
		{"HUP", func(term *testproc.Terminal) { term.Signal(syscall.SIGHUP) }, 129},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, _ := heldDir(t)
			term := onTerminal(t, "", "--watch", dir)
			term.Await("q ends")
			c.end(term)
			ended(t, term, c.status)
		})
	}
}

// On a stopped terminal nothing is drawn, and a signal still ends the program, which
// waits until it can leave the screen.
func TestWatchOnAStoppedTerminal(t *testing.T) {
	t.Parallel()
	dir, _ := heldDir(t)
	term := onTerminal(t, "", "--watch", dir)
	tty := openTTY(t, term.PID())
	term.Await("q ends")
	term.Type("\x13") // Ctrl-S
	for rows := range uint16(5) {
		resize(t, tty, 10+rows, 30)
	}
	term.Type("q")
	testproc.Until(t, "ended", func() bool {
		syscall.Kill(term.PID(), syscall.SIGTERM) // it may have ended by now
		return term.Exited()
	})
}

// If no program reads the output of the terminal, a write blocks. A signal still ends the
// program.
func TestWatchOnATerminalThatIsNotRead(t *testing.T) {
	t.Parallel()
	dir, _ := heldDir(t)
	for i := range 1000 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%s-%d.lock", strings.Repeat("long", 50), i)), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("fsync-status", "--watch", dir)
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	p := testproc.StartUnread(t, cmd, 1000, 300)
	p.Signal(syscall.SIGTERM)
	if status := p.Exit(); status != 143 {
		t.Errorf("exit status %d", status)
	}
}

// The fingerprint has a line for each holder and each waiter of a lock.
func TestFingerprintOfLocks(t *testing.T) {
	t.Parallel()
	_, held := heldDir(t)
	var stat unix.Stat_t
	if err := unix.Stat(held, &stat); err != nil {
		t.Fatal(err)
	}
	of := regexp.MustCompile(fmt.Sprintf(`(?m)^ (-> )?FLOCK .*:%d `, stat.Ino))
	q := &query{operands: []string{held}}
	lines := func(n int) func() bool { // the kernel's table may show a line twice
		return func() bool { return len(of.FindAllString(q.fingerprint(), -1)) == n }
	}
	testproc.Until(t, "a line of the holder", lines(1))
	testproc.StartCmd(t, exec.Command("flock", held, "true"))
	testproc.Until(t, "a line of the waiter", lines(2))
}

// A deadlock is shown until it ends.
func TestWatchDeadlock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var procs []*testproc.Proc
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		one, two := filepath.Join(dir, order[0]+".lock"), filepath.Join(dir, order[1]+".lock")
		p := testproc.StartCmd(t, exec.Command("flock", "--no-fork", one, "sh", "-c", "echo held; read x; exec flock "+two+" true"))
		p.Expect("held")
		procs = append(procs, p)
	}
	term := onTerminal(t, "", "--watch", dir)
	term.Await("2 of 2 busy")
	for _, p := range procs {
		p.Send("go on")
	}
	before, _ := term.Await("deadlock: 2 processes wait for each other")
	shown := len(before) + 1
	procs[0].Kill()
	testproc.Until(t, "the table is drawn without it", func() bool { return strings.Contains(term.Screen()[shown:], "of 2 busy") })
	term.Type("q")
	ended(t, term, 0)
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	dir, held := heldDir(t)
	text := regexp.MustCompile(`\x1b\[[0-9;]*m`)
	for _, c := range []struct {
		name, env string
		args      []string
		status    int
		want      string
		colours   bool
	}{
		{"table", "", []string{dir}, 0, "held", true},
		{"NO_COLOR", "NO_COLOR=1", []string{dir}, 0, "held", false},
		{"dumb", "TERM=dumb", []string{dir}, 0, "held", false},
		{"none", "TERM=", []string{dir}, 0, "held", false},
		{"watch a dumb one", "TERM=dumb", []string{"--watch", dir}, 64, `a terminal of type "dumb" cannot be drawn on`, false},
		{"watch nothing", "", []string{"--watch", filepath.Join(dir, "missing")}, 66, "missing: no such file", false},
		{"report", "", []string{"--report", held}, 64, "--report: stdout is a terminal", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			term := onTerminal(t, c.env, c.args...)
			if got := term.Exit(); got != c.status {
				t.Errorf("exit status %d", got)
			}
			term.Hangup()
			screen := term.Screen()
			if !strings.Contains(screen, c.want) || text.MatchString(screen) != c.colours || strings.Contains(screen, enterScreen) {
				t.Errorf("the screen: %q", screen)
			}
			if c.status != 0 {
				return
			}
			for line := range strings.Lines(text.ReplaceAllString(screen, "")) {
				if n := cells(strings.TrimRight(line, "\r\n")); n > 80 {
					t.Errorf("%d cells: %s", n, line)
				}
			}
		})
	}
}
