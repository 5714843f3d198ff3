//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// keepComplaints gives a command a file for what it prints on standard error. One exit status of
// flock(1) and fsync-lock stands for several reasons, but the last line names the reason. The
// command that they run has the file too, so it is no pipe, which would have to be read until
// all of them have ended.
func (c *client) keepComplaints(cmd *exec.Cmd) (said *os.File, err error) {
	name := filepath.Join(c.dir, "stderr", fmt.Sprintf("%d.%d", c.number>>8, c.number&0xff))
	said, err = os.OpenFile(name, os.O_CREATE|os.O_RDWR|os.O_TRUNC|os.O_APPEND, 0o644)
	if err == nil {
		cmd.Stderr = said
	}
	return said, err
}

// reasonIn returns the error that ends what a command has said. It is err, the way in which the
// command ended, if that is no error of the system. It prints what the command has said.
func reasonIn(said *os.File, err error) error {
	text, readErr := io.ReadAll(io.NewSectionReader(said, 0, 1<<16))
	if readErr != nil {
		return readErr
	}
	os.Stderr.Write(text)
	if reason := reasonOf(string(text)); reason != 0 {
		return reason
	}
	return err
}

// reasons are the errors of the system that faults cause in another program.
var reasons = []syscall.Errno{
	syscall.ENOENT, syscall.ENOTDIR, syscall.EACCES, syscall.EPERM, syscall.EAGAIN, syscall.EMFILE, syscall.ENFILE,
	syscall.ENOMEM, syscall.ENOSPC, syscall.EROFS, syscall.EIO, syscall.ESTALE,
}

// reasonOf returns the error at the end of a message, such as "flock: cannot open lock file
// a.lock: No space left on device", or 0. The C library begins it with a capital letter.
func reasonOf(text string) syscall.Errno {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := lines[len(lines)-1]
	i := slices.IndexFunc(reasons, func(e syscall.Errno) bool {
		text := ": " + e.Error()
		return len(last) >= len(text) && strings.EqualFold(last[len(last)-len(text):], text)
	})
	if i < 0 {
		return 0
	}
	return reasons[i]
}
