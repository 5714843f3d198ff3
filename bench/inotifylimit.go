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

// A fence is a user namespace with a limit to the inotify instances of all
// processes inside. The kernel refuses them there what it refuses a user who
// has used up his instances, and nobody outside goes short.
type inotifyLimit struct{ namespace *proc }

// newFence makes a fence with room for n instances. It is there until the
// bench kills its keeper.
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
		return nil, fmt.Errorf("%w: user namespaces, which the number of watchers is limited with: %v", errNotAllowed, err)
	}
	return &inotifyLimit{p}, err
}

// fenceIn is the keeper.
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

// inside makes a command run behind the fence; without a fence, as it is.
func (f *inotifyLimit) enter(cmd *exec.Cmd) *exec.Cmd {
	if f == nil {
		return cmd
	}
	path, err := exec.LookPath("nsenter")
	if err != nil {
		cmd.Err = err
		return cmd
	}
	cmd.Args = append([]string{"nsenter", "--user", "--preserve-credentials", "--target", strconv.Itoa(f.namespace.pid()), cmd.Path}, cmd.Args[1:]...)
	cmd.Path = path
	return cmd
}
