//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// An inotifyLimit is a user namespace that limits the number of inotify instances of
// all its processes. Beyond the limit, the kernel returns the same error as when a user
// has no instances left. Programs outside the namespace are not affected.
type inotifyLimit struct{ namespace *proc }

// newInotifyLimit makes a namespace with at most n instances. A child process
// keeps the namespace until the bench kills it.
func (b *bench) newInotifyLimit(n int) (*inotifyLimit, error) {
	if _, err := exec.LookPath("nsenter"); err != nil {
		return nil, fmt.Errorf("%w: nsenter, of util-linux", errNotInstalled)
	}
	cmd := b.roleCommand("inotify-limit", ours, "", n)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	p, err := b.startReady(cmd)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.ENOSYS) {
		return nil, fmt.Errorf("%w: a user namespace, which limits the number of watchers: %v", errNotAllowed, err)
	}
	return &inotifyLimit{p}, err
}

// limitInotify is the process in the new namespace.
func limitInotify(_, _ string, args []string) error {
	var n int64
	if err := numberArgs(args, &n); err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/user/max_inotify_instances", strconv.AppendInt(nil, n, 10), 0); err != nil {
		return err
	}
	fmt.Println("ready")
	_, err := io.Copy(io.Discard, input)
	return err
}

// enter makes cmd run in the namespace. A nil limit returns cmd unchanged.
func (l *inotifyLimit) enter(cmd *exec.Cmd) *exec.Cmd {
	if l == nil {
		return cmd
	}
	path, err := exec.LookPath("nsenter")
	if err != nil {
		cmd.Err = err
		return cmd
	}
	cmd.Args = append([]string{"nsenter", "--user", "--preserve-credentials", "--target", strconv.Itoa(l.namespace.pid()), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = path
	return cmd
}
