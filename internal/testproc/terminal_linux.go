package testproc

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A Terminal is a terminal with a process in its foreground.
type Terminal struct {
	*Proc
	keys   *os.File
	screen lockedBuffer
	closed chan struct{} // closed when no process has the terminal open
}

// openTerminal makes a terminal of 80 columns and 24 lines. It returns the end at which the
// user types and reads, and the end that programs open.
func openTerminal(t testing.TB) (user, tty *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { user.Close() })
	if err := unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	size := unix.Winsize{Row: 24, Col: 80}
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return user, tty
}

// onTerminal starts a command as the first process of a session on a terminal.
func onTerminal(t testing.TB, tty *os.File, cmd *exec.Cmd) *Proc {
	t.Helper()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	tty.Close()
	return watch(t, cmd)
}

// StartUnread runs a command on a terminal that is not read, and returns when the command
// has written something there.
func StartUnread(t testing.TB, cmd *exec.Cmd, rows, columns uint16) *Proc {
	t.Helper()
	user, tty := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		t.Fatal(err)
	}
	p := onTerminal(t, tty, cmd)
	Until(t, "it has written something", func() bool {
		written := []unix.PollFd{{Fd: int32(user.Fd()), Events: unix.POLLIN}}
		n, err := unix.Poll(written, 0)
		return err == nil && n > 0
	})
	return p
}

// StartTerminal runs a command on a new terminal, as the first process of a session. Its
// output is on the screen of the terminal; it has no lines.
func StartTerminal(t testing.TB, cmd *exec.Cmd) *Terminal {
	t.Helper()
	keys, tty := openTerminal(t)
	term := &Terminal{keys: keys, closed: make(chan struct{})}
	term.Proc = onTerminal(t, tty, cmd)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the screen: %q", term.Screen())
		}
	})
	go func() {
		defer close(term.closed)
		buf := make([]byte, 4096)
		for {
			n, err := keys.Read(buf)
			term.screen.Write(buf[:n])
			if err != nil { // EIO: the other end is closed
				return
			}
		}
	}()
	return term
}

// watch returns the Proc of a command that was started without pipes.
func watch(t testing.TB, cmd *exec.Cmd) *Proc {
	p := &Proc{t: t, name: strings.Join(cmd.Args, " "), cmd: cmd, exited: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // all processes of the session, except groups that a shell has made
		<-p.exited
	})
	return p
}

// Type presses keys.
func (t *Terminal) Type(keys string) {
	t.t.Helper()
	if _, err := t.keys.WriteString(keys); err != nil {
		t.t.Fatal(err)
	}
}

// Screen returns everything that was written to the terminal.
func (t *Terminal) Screen() string { return t.screen.String() }

// Await waits until a text is on the screen, and returns what comes before and after it.
func (t *Terminal) Await(text string) (before, behind string) {
	t.t.Helper()
	Until(t.t, "on the screen: "+text, func() bool {
		var ok bool
		before, behind, ok = strings.Cut(t.Screen(), text)
		return ok
	})
	return before, behind
}

// Hangup waits until no process has the terminal open. Then the screen is complete.
func (t *Terminal) Hangup() {
	t.t.Helper()
	select {
	case <-t.closed:
	case <-time.After(Patience):
		t.t.Fatalf("%s: the terminal is still in use", t.name)
	}
}
