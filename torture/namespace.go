//go:build linux

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A namespace limits what a fault does to the processes in it: mounts, or the numbers of
// inotify instances and watches. A process, the keeper, is in it from its start, changes it,
// and ends with the torture. With the last process, the namespace ends.
type namespace struct {
	user, mount bool
	keeper      *exec.Cmd
	in          io.WriteCloser
	mu          sync.Mutex // guards the answers
	out         *bufio.Reader
}

// newNamespace makes a namespace. Only root can make a mount namespace without a user
// namespace. In the user namespace, this user has the number 0.
func newNamespace(user, mount bool) (*namespace, error) {
	n := &namespace{user: user || os.Geteuid() != 0, mount: mount}
	if _, err := exec.LookPath("nsenter"); err != nil {
		return nil, fmt.Errorf("nsenter, of util-linux: %w", err)
	}
	n.keeper = exec.Command("/proc/self/exe")
	n.keeper.Env = append(os.Environ(), roleVar+"=keeper")
	n.keeper.Stderr = os.Stderr
	n.keeper.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if mount {
		n.keeper.SysProcAttr.Cloneflags |= syscall.CLONE_NEWNS
	}
	if n.user {
		n.keeper.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		n.keeper.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		n.keeper.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var err error
	if n.in, err = n.keeper.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := n.keeper.StdoutPipe()
	if err == nil {
		err = n.keeper.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("a namespace of its own: %w", err)
	}
	n.out = bufio.NewReader(out)
	if mount {
		err = n.ask("private")
	}
	if err != nil {
		n.end()
	}
	return n, err
}

func (n *namespace) end() {
	n.in.Close()
	n.keeper.Wait()
}

// ask makes the keeper do one of keeperCommands.
func (n *namespace) ask(words ...string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if _, err := io.WriteString(n.in, strings.Join(words, " ")+"\n"); err != nil {
		return err
	}
	answer, err := n.out.ReadString('\n')
	if err != nil {
		return fmt.Errorf("the keeper of the namespace has ended: %w", err)
	}
	errno, err := strconv.Atoi(strings.TrimSpace(answer))
	if errno == 0 {
		return err
	}
	return fmt.Errorf("%s: %w", strings.Join(words, " "), syscall.Errno(errno))
}

// enter makes the command run in the namespace, with the same PID.
func (n *namespace) enter(cmd *exec.Cmd) {
	args := []string{"--target", strconv.Itoa(n.keeper.Process.Pid)}
	if n.user {
		args = append(args, "--user", "--preserve-credentials")
	}
	if n.mount {
		args = append(args, "--mount", "--wdns="+cmd.Dir)
	}
	wrap(cmd, append([]string{"nsenter"}, args...)...)
}

// wrap makes a command run by way of another one, which replaces itself by it.
func wrap(cmd *exec.Cmd, by ...string) {
	path, err := exec.LookPath(by[0])
	self, err2 := os.Executable()
	if err = errors.Join(err, err2); err != nil {
		cmd.Err = err
		return
	}
	if cmd.Path == "/proc/self/exe" {
		cmd.Path = self
	}
	cmd.Args = append(append(by, cmd.Path), cmd.Args[1:]...)
	cmd.Path = path
}

// path returns a path by which a process outside reaches a file in the namespace.
func (n *namespace) path(path string) string {
	return fmt.Sprintf("/proc/%d/root%s", n.keeper.Process.Pid, path)
}

// keeperCommands are what a keeper can do. No argument contains a space.
var keeperCommands = map[string]func(args []string) error{
	"private": func([]string) error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "") },
	"mount": func(args []string) error { // TYPE DIRECTORY OPTIONS
		return unix.Mount(args[0], args[1], args[0], 0, args[2])
	},
	"mount-image": mountImage,
	"bind": func(args []string) error { // FROM TO
		return unix.Mount(args[0], args[1], "", unix.MS_BIND|unix.MS_REC, "")
	},
	"read-only": func(args []string) error { // DIRECTORY
		return unix.Mount("", args[0], "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	},
	"writable": func(args []string) error { return unix.Mount("", args[0], "", unix.MS_REMOUNT|unix.MS_BIND, "") },
	"write": func(args []string) error { // FILE TEXT
		return os.WriteFile(args[0], []byte(args[1]), 0)
	},
}

// keep runs a keeper. It answers each command by a number: of the error, or 0.
func keep() error {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		words := strings.Fields(in.Text())
		errno := syscall.Errno(0)
		if err := keeperCommands[words[0]](words[1:]); err != nil && !errors.As(err, &errno) {
			errno = unix.EINVAL
		}
		fmt.Println(int(errno))
	}
	return nil
}
