//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

const oldTimes = "old-times"

func init() {
	o := &oldDisk{}
	addFault(&fault{
		name: oldTimes, about: "half of the events on a file system that gives changes within 4 ms the same time, ext3; half of the processes may not read its directory",
		why: o.impossible, setup: o.setup, prepare: o.prepare, entersNamespace: true,
		slows: time.Second, // a directory that a process may not read cannot be watched, so it is polled
	})
}

// An oldDisk is an ext3 in a file. Since Linux 6.13 most file systems give a file a time of its
// own if a process has asked for the last one. ext3 does not, and it uses the inode of a
// removed file at once. It is mounted in a mount namespace, which all processes enter.
type oldDisk struct {
	in *namespace
}

func (d *oldDisk) impossible() error {
	dir, err := os.MkdirTemp("", "old-times-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	n, err := mountOldDisk(filepath.Join(dir, "image"), "/tmp")
	if err == nil {
		n.end()
	}
	return err
}

func mountOldDisk(image, at string) (*namespace, error) {
	if os.Geteuid() != 0 {
		return nil, fmt.Errorf("only root can mount an ext3")
	}
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		return nil, err
	}
	if err := os.Truncate(image, 16<<20); err != nil {
		return nil, err
	}
	if out, err := exec.Command("mkfs.ext3", "-q", "-F", "-I", "256", "-m", "0", image).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mkfs.ext3: %w: %s", err, out)
	}
	n, err := newNamespace(false, true)
	if err != nil {
		return nil, err
	}
	if err = n.ask("mount-image", image, at, "ext3"); err != nil {
		n.end()
		return nil, err
	}
	return n, nil
}

func (d *oldDisk) setup(r *round) (undo func(), err error) {
	n, err := mountOldDisk(filepath.Join(r.dir, "image"), filepath.Join(objectsPath(r.dir), oldDir))
	if err != nil {
		return nil, err
	}
	d.in, r.in = n, n
	if err := os.Chmod(filepath.Join(r.objects(), oldDir), 0o333); err != nil {
		n.end()
		return nil, err
	}
	return func() {
		r.in = nil
		n.end()
	}, os.Remove(filepath.Join(r.objects(), oldDir, "lost+found"))
}

func (d *oldDisk) prepare(_ *round, p *process) {
	if p.slot%2 == 0 { // root may read every directory with these capabilities
		const these = "-dac_override,-dac_read_search"
		wrap(p.cmd, "setpriv", "--bounding-set="+these, "--inh-caps="+these, "--")
	}
	d.in.enter(p.cmd)
}

// mountImage mounts a file system that is in a file. The loop device ends with the mount.
func mountImage(args []string) error { // FILE DIRECTORY TYPE
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	for range 10 {
		if err = mountBy(f, args[1], args[2]); err != unix.EBUSY { // another process has the device
			break
		}
	}
	return err
}

func mountBy(f *os.File, at, kind string) error {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer control.Close()
	n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
	if err != nil {
		return err
	}
	name := "/dev/loop" + strconv.Itoa(n)
	device, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer device.Close()
	config := unix.LoopConfig{Fd: uint32(f.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
	if err := unix.IoctlLoopConfigure(int(device.Fd()), &config); err != nil {
		return err
	}
	return unix.Mount(name, at, kind, unix.MS_NOATIME, "commit=300") // a look must not wait for the disk
}
