package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/process"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// onTerminal runs fsync-lock on a terminal of its own, in a directory.
func onTerminal(t *testing.T, dir string, args ...string) *testproc.Terminal {
	t.Helper()
	cmd := exec.Command("fsync-lock", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	return testproc.StartTerminal(t, cmd)
}

// onPrompt starts an interactive shell on a terminal of its own, in a directory.
func onPrompt(t *testing.T, dir string) *testproc.Terminal {
	t.Helper()
	testproc.Need(t, "bash")
	cmd := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PS1=prompt> ", "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	shell := testproc.StartTerminal(t, cmd)
	shell.Await("prompt> ")
	return shell
}

// holdBy runs a script with a lock in a new directory, and returns when the script has
// printed an empty line.
func holdBy(t *testing.T, lock, script string) (holder *testproc.Proc, dir string) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command("fsync-lock", lock, "sh", "-c", script)
	cmd.Dir = dir
	holder = testproc.StartCmd(t, cmd)
	holder.Expect("")
	return holder, dir
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
}

// A typed signal reaches the command once. So does a signal to the wrapper alone while
// it is in the foreground.
func TestSignalsOnATerminal(t *testing.T) {
	t.Parallel()
	term := onTerminal(t, t.TempDir(), "a.lock", "count-signals")
	term.Await("ready")
	got := func(sig os.Signal, n int) {
		t.Helper()
		testproc.Until(t, fmt.Sprint(n, sig), func() bool { return strings.Count(term.Screen(), fmt.Sprintf("got %v.", sig)) >= n })
	}
	probe := 0
	testproc.Until(t, "there is a probe", func() bool { probe = probeOf(term.PID()); return probe != 0 })
	// The kernel merges two equal pending signals. So before the second one is sent, the
	// wrapper must have handled the first. So must the probe, and before the wrapper: the
	// wrapper would take a late report of the first signal for a report of the second. The
	// command may handle the first one before the kernel has sent it to the other two.
	settle := func() { t.Helper(); handled(t, probe); handled(t, term.PID()) }
	both := func(key string, sig os.Signal) {
		t.Helper()
		settle()
		ofProbe, ofWrapper := switches(t, probe), switches(t, term.PID())
		term.Type(key)
		got(sig, 1)
		testproc.Until(t, fmt.Sprintf("the probe and the wrapper have got %v", sig), func() bool {
			return switches(t, probe) != ofProbe && switches(t, term.PID()) != ofWrapper
		})
		settle()
		term.Signal(sig)
		got(sig, 2)
	}
	both("\x03", syscall.SIGINT)
	both("\x1c", syscall.SIGQUIT)
	term.Signal(syscall.SIGHUP)
	got(syscall.SIGHUP, 1)
	term.Signal(syscall.SIGTERM) // it comes after all others
	got(syscall.SIGTERM, 1)
	term.Type("end\n")
	term.Hangup()
	if n := strings.Count(term.Screen(), "got "); n != 6 {
		t.Errorf("%d signals came, want 6", n)
	}
	if status := term.Exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
}

// switches tells how often the main thread of a process has gone to sleep. A main thread that
// waits for signals does so after each signal.
func switches(t *testing.T, pid int) (count string) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
			count = value
		}
	}
	return count
}

// pendingCont is a CONT that is pending. A probe never takes it.
const pendingCont = 1 << (syscall.SIGCONT - 1)

// handled waits until a process has handled every signal that was sent to it: no signal
// is pending, for the process or for one of its threads, and all threads sleep. The
// caller sends no more signals meanwhile.
//
// The Go runtime passes a signal from one thread to another. The first thread may sleep
// again when handled looks at it, and the second may wake only afterwards. So handled
// looks twice, until no thread has run in between.
func handled(t *testing.T, pid int) {
	t.Helper()
	last := ""
	testproc.Until(t, fmt.Sprintf("process %d has handled its signals", pid), func() bool {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
		now := ""
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return false
			}
			for line := range strings.Lines(string(text)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ":\t")
				switch name {
				case "State":
					if value[0] == 'Z' {
						t.Fatalf("process %d has ended", pid)
					}
					if value[0] != 'S' {
						return false
					}
				case "SigPnd", "ShdPnd":
					if pending, err := strconv.ParseUint(value, 16, 64); err != nil || pending&^pendingCont != 0 {
						return false
					}
				case "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches":
					now += value + " "
				}
			}
		}
		quiet := now != "" && now == last
		last = now
		return quiet
	})
}

// A Ctrl-C that ends the command ends the wrapper by the same signal, also if the wrapper
// sees the end of the command first. A wrapper that was stopped sees both at the same
// time.
func TestInterruptOnATerminal(t *testing.T) {
	t.Parallel()
	for _, stopped := range []bool{false, true, true, true, true} {
		term := onTerminal(t, t.TempDir(), "a.lock", "sh", "-c", "echo ready; exec sleep 1000")
		term.Await("ready")
		command := commandOf(t, term.PID())
		if stopped {
			term.Signal(syscall.SIGSTOP)
			testproc.Until(t, "the wrapper has stopped", func() bool { return testproc.IsStopped(term.PID()) })
		}
		term.Type("\x03")
		testproc.Until(t, "the command has ended", func() bool {
			s, ok := process.StatOf(command)
			return !ok || s.State == 'Z'
		})
		if stopped {
			term.Signal(syscall.SIGCONT)
		}
		if status := term.Exit(); status != -1 {
			t.Errorf("stopped %v: exit status %d, want that INT ended it", stopped, status)
		}
	}
}

// commandOf returns the command of a wrapper.
func commandOf(t *testing.T, wrapper int) (command int) {
	t.Helper()
	testproc.Until(t, "there is a probe", func() bool { return probeOf(wrapper) != 0 })
	for _, pid := range children(wrapper) {
		if pid != probeOf(wrapper) {
			command = pid
		}
	}
	return command
}

// Ctrl-Z stops the wrapper and the command, and a shell's fg continues both.
func TestJobControl(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	shell := onPrompt(t, dir)
	shell.Type("fsync-lock a.lock sh -c 'echo pid $$ of $PPID.; while [ ! -e go ]; do :; done; read x; echo read $x; exit 3'\n")
	var text string
	testproc.Until(t, "both PIDs", func() bool {
		_, text = shell.Await("\npid ")
		return strings.Contains(text, ".")
	})
	text, _, _ = strings.Cut(text, ".")
	pids := strings.Split(text, " of ")
	shell.Type("\x1a")
	shell.Await("Stopped")
	for _, pid := range pids {
		testproc.Until(t, pid+" is stopped", func() bool { return stat(t, pid).state == "T" })
	}
	if ok, err := filelock.New(filepath.Join(dir, "a.lock")).TryAcquire(); ok || err != nil {
		t.Errorf("TryAcquire() = %t, %v while the command is stopped", ok, err)
	}
	// Continuing the wrapper alone continues the command, too.
	for _, pid := range pids[1:] {
		n, err := strconv.Atoi(pid)
		if err != nil {
			t.Fatal(err)
		}
		syscall.Kill(n, syscall.SIGCONT)
	}
	for _, pid := range pids {
		testproc.Until(t, pid+" runs", func() bool { return stat(t, pid).state != "T" })
	}
	shell.Type("fg\n")
	testproc.Until(t, "they are in the foreground", func() bool {
		at := stat(t, pids[0])
		return at.group == at.foreground
	})
	touch(t, filepath.Join(dir, "go"))
	shell.Type("what is typed\n")
	shell.Await("\nread what is typed")
	shell.Type("echo status $?.\n")
	shell.Await("status 3.")
	shell.Type("exit\n")
	shell.Hangup()
}

// stat returns the state of a process, its process group and the foreground process group
// of its terminal, as proc(5) shows them.
func stat(t *testing.T, pid string) (at struct{ state, group, foreground string }) {
	t.Helper()
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	at.state, at.group, at.foreground = fields[0], fields[2], fields[5]
	return at
}

// An interactive shell and an editor can use the terminal below a wrapper.
func TestInteractive(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"plain":       nil,
		"close":       {"-o"},
		"no-fork":     {"-F"},
		"max-runtime": {"--max-runtime", "1h", "--kill-after", "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testproc.Need(t, "bash")
			term := onTerminal(t, t.TempDir(), append(args, "a.lock", "env", "PS1=prompt> ", "bash", "--norc", "--noprofile", "--noediting", "-i")...)
			term.Await("prompt> ")
			term.Type("sh -c 'echo asl''eep; exec sleep 1000'\n")
			term.Await("asleep")
			term.Type("\x03") // ends that, not the shell
			term.Await("^C")
			term.Type("read x; echo I read $x\n")
			term.Type("a line\n")
			term.Await("I read a line")
			term.Type("exit 5\n")
			if status := term.Exit(); status != 5 {
				t.Errorf("exit status %d; the screen: %s", status, term.Screen())
			}
		})
	}
}

func TestEditor(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "vim")
	dir := t.TempDir()
	term := onTerminal(t, dir, "a.lock", "vim", "-u", "NONE", "-N", "text")
	term.Await("\"text\"") // [New] or [New File]
	term.Type("ihello\x1b:wq\r")
	if status := term.Exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "text")); string(text) != "hello\n" {
		t.Errorf("the text: %q, %v", text, err)
	}
}

// A long wait is shown on one line, which is wiped at the end of the wait.
func TestWaitIsShown(t *testing.T) {
	t.Parallel()
	holder, dir := holdBy(t, "backup.lock", "echo; read x")
	// While the command runs, the line would be drawn twice if it was still drawn.
	term := onTerminal(t, dir, "backup.lock", "sh", "-c", "sleep 2; echo my turn")
	term.Await("\rfsync-lock: waiting for backup.lock, held ")
	term.Await("s by pid ")
	term.Await(" (sh -c echo; read x)\x1b[K")
	testproc.Until(t, "it is drawn again", func() bool { return strings.Count(term.Screen(), "\rfsync-lock: waiting") > 1 })
	holder.Send("end")
	term.Hangup()
	screen := term.Screen()
	if !strings.HasSuffix(screen, "\r\x1b[Kmy turn\r\n") || strings.Count(screen, "\n") != 1 {
		t.Errorf("the screen: %q", screen)
	}
}

// The line fits the width of the terminal, and has no control characters, whatever the
// command of the holder is called.
func TestWaitIsShownOnOneLine(t *testing.T) {
	t.Parallel()
	holder, dir := holdBy(t, "a.lock", "echo; read x; # \x1b[2J\n"+strings.Repeat("long ", 100))
	term := onTerminal(t, dir, "a.lock", "true")
	line, _ := term.Await("\x1b[K")
	if line = strings.TrimPrefix(line, "\r"); len([]rune(line)) != 79 || !strings.Contains(line, "read x; # ?") {
		t.Errorf("%d columns: %q", len([]rune(line)), line)
	}
	holder.Send("end")
	term.Hangup()
}

// Wide characters count as two columns.
func TestWaitIsShownInColumns(t *testing.T) {
	t.Parallel()
	dir, name := t.TempDir(), strings.Repeat("日本語", 20)+".lock"
	hold(t, filepath.Join(dir, name))
	line, _ := onTerminal(t, dir, name, "true").Await("\x1b[K")
	if n := term.Cells(strings.TrimPrefix(line, "\r")); n < 78 || n > 79 {
		t.Errorf("%d columns: %q", n, line)
	}
}

// A terminal that Ctrl-S has stopped delays neither the command nor a signal.
func TestWaitOnAStoppedTerminal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		end    func(*testproc.Terminal, *filelock.Lock) error
		status int
	}{
		{"lock", func(_ *testproc.Terminal, l *filelock.Lock) error { return l.Release() }, 7},
		{"signal", func(term *testproc.Terminal, _ *filelock.Lock) error { term.Signal(syscall.SIGTERM); return nil }, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			l := hold(t, filepath.Join(dir, "a.lock"))
			term := onTerminal(t, dir, "a.lock", "sh", "-c", "exit 7")
			term.Await("waiting for a.lock")
			term.Type("\x13")
			if err := c.end(term, l); err != nil {
				t.Fatal(err)
			}
			if status := term.Exit(); status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
		})
	}
}

// On a terminal that cannot move the cursor, a plain line is printed once.
func TestWaitIsShownOnADumbTerminal(t *testing.T) {
	t.Parallel()
	_, dir := holdBy(t, "a.lock", "echo; read x # \x1b[2J")
	var term *testproc.Terminal
	var lines []string
	for wait := 2.5; len(lines) < 3 && wait < 60; wait *= 2 { // on a busy machine the wait may end before the line is due
		cmd := exec.Command("fsync-lock", "-w", fmt.Sprint(wait), "a.lock", "true")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "TERM=dumb", "GORACE=atexit_sleep_ms=0")
		term = testproc.StartTerminal(t, cmd)
		term.Hangup()
		lines = strings.Split(term.Screen(), "\r\n")
	}
	if len(lines) != 3 || !strings.HasPrefix(lines[0], "fsync-lock: waiting for a.lock, held ") ||
		!strings.HasPrefix(lines[1], "fsync-lock: a.lock is held ") || strings.Contains(term.Screen(), "\x1b") {
		t.Errorf("the screen: %q", lines)
	}
	if status := term.Exit(); status != 1 {
		t.Errorf("exit status %d, want 1", status)
	}
}

// A signal that ends a wait wipes the line, and the process dies by that signal.
func TestWaitEndsOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hold(t, filepath.Join(dir, "a.lock"))
	term := onTerminal(t, dir, "a.lock", "true")
	term.Await("waiting for a.lock")
	term.Type("\x03")
	term.Hangup()
	if status := term.Exit(); status != -1 {
		t.Errorf("exit status %d, want that INT ended it", status)
	}
	if screen := term.Screen(); !strings.HasSuffix(screen, "\r\x1b[K") {
		t.Errorf("the screen: %q", screen)
	}
}

// On a terminal a conflict names the holder of the lock, except with --skip.
func TestConflictOnATerminal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	hold(t, filepath.Join(dir, "a.lock"))
	for _, c := range []struct {
		option, want string
		status       int
	}{
		{"-n", "fsync-lock: a.lock is held ", 1},
		{"--skip", "", 0},
	} {
		term := onTerminal(t, dir, c.option, "a.lock", "true")
		term.Hangup()
		if screen := term.Screen(); !strings.HasPrefix(screen, c.want) || (screen == "") != (c.want == "") {
			t.Errorf("%s: the screen: %q", c.option, screen)
		}
		if status := term.Exit(); status != c.status {
			t.Errorf("%s: exit status %d, want %d", c.option, status, c.status)
		}
	}
}

// A process in the background does not write to the terminal.
func TestWaitInTheBackgroundIsNotShown(t *testing.T) {
	t.Parallel()
	testproc.Need(t, "bash")
	dir := t.TempDir()
	lock := hold(t, filepath.Join(dir, "a.lock"))
	cmd := exec.Command("bash", "-m", "-c", "fsync-lock a.lock true & wait")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TERM=xterm", "GORACE=atexit_sleep_ms=0")
	term := testproc.StartTerminal(t, cmd)
	testproc.AwaitWaiters(t, filepath.Join(dir, "a.lock"), 1)
	// The line would come after a second. No fact shows that it does not come.
	time.Sleep(1500 * time.Millisecond)
	release(t, lock)
	term.Hangup()
	if strings.Contains(term.Screen(), "waiting") {
		t.Errorf("the screen: %q", term.Screen())
	}
}

// A process in the background does not erase the line that it showed before Ctrl-Z:
// another program uses that line now.
func TestNoticeIsNotWipedInTheBackground(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock := hold(t, filepath.Join(dir, "a.lock"))
	shell := onPrompt(t, dir)
	shell.Type("fsync-lock a.lock sh -c 'echo turn$((1 + 1))'\n")
	shell.Await("\rfsync-lock: waiting for a.lock")
	shell.Type("\x1a")
	shell.Await("Stopped")
	shell.Type("bg\n")
	testproc.Until(t, "it goes on in the background", func() bool {
		_, after := shell.Await("Stopped")
		return strings.Contains(after, " &\r\n")
	})
	release(t, lock)
	shell.Await("turn2\r\n")
	shell.Type("exit\n")
	shell.Hangup()
	if _, after, _ := strings.Cut(shell.Screen(), "Stopped"); strings.Contains(after, "\x1b[K") {
		t.Errorf("the screen: %q", after)
	}
}

// The time limit ends the command and the processes that it has started, but not the
// script on a terminal that runs fsync-lock.
func TestLimitInAScript(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("sh", "-c", `fsync-lock --max-runtime .3 a.lock sh -c "sleep 1000 & wait"; echo "status $?"`)
	cmd.Dir = t.TempDir()
	term := testproc.StartTerminal(t, cmd)
	term.Await("status 124")
	release(t, hold(t, filepath.Join(cmd.Dir, "a.lock")))
}

// The inherited descriptor has a number that scripts do not use.
func TestNumberOfTheDescriptor(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("fsync-lock", "-F", "a.lock", "sh", "-c", `exec 3>&1 4>&1 5>&1 6>&1 7>&1 8>&1 9>&1; echo ready; read x`)
	cmd.Dir = t.TempDir()
	p := testproc.StartCmd(t, cmd)
	p.Expect("ready")
	if ok, err := filelock.New(filepath.Join(cmd.Dir, "a.lock")).TryAcquire(); ok || err != nil {
		t.Errorf("TryAcquire() = %v, %v", ok, err)
	}
	p.Send("end")
	p.Wait()
}
