//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// A machine describes the machine and the versions of the peers.
type machine struct {
	date, cpu, kernel, locks, events string
	loadBefore, loadAfter            string
	versions                         map[string]string
	private                          []string // directories that the report must not contain
}

func describeMachine(b *bench) machine {
	return machine{
		date: today(), cpu: cpuModel(), kernel: kernelRelease(),
		locks: fileSystem(b.dir), events: fileSystem(b.markerDir),
		loadBefore: loadAverage(), versions: b.versions, private: []string{b.dir, b.markerDir},
	}
}

func (m machine) String() string {
	lines := []string{
		m.date,
		fmt.Sprintf("%d CPUs, %s; load average %s before, %s after", runtime.NumCPU(), m.cpu, m.loadBefore, m.loadAfter),
		fmt.Sprintf("Linux %s, lock files on %s, markers on %s, %s", m.kernel, m.locks, m.events, runtime.Version()),
	}
	for _, peer := range allPeers {
		if v, ok := m.versions[peer]; ok {
			lines = append(lines, peer+": "+v)
		} else {
			lines = append(lines, peer+": not installed, not run")
		}
	}
	return "- " + strings.Join(lines, "\n- ") + "\n"
}

// anonymous replaces the private directories in a text.
func (m machine) anonymous(text string) string {
	for _, dir := range m.private {
		text = strings.ReplaceAll(text, dir, "DIR")
	}
	return text
}

func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for line := range bytes.Lines(text) {
		if name, model, _ := bytes.Cut(line, []byte(":")); string(bytes.TrimSpace(name)) == "model name" {
			return string(bytes.TrimSpace(model))
		}
	}
	return runtime.GOARCH
}

func kernelRelease() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}

// fileSystem returns the type of the file system of a directory.
func fileSystem(dir string) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.TMPFS_MAGIC: "tmpfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.XFS_SUPER_MAGIC: "xfs", unix.OVERLAYFS_SUPER_MAGIC: "overlayfs", unix.NFS_SUPER_MAGIC: "NFS",
	}
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "an unknown file system"
	}
	if name, ok := names[int64(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("a file system of type %#x", st.Type)
}

// loadAverage returns the load average of the last minute.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	load, _, _ := strings.Cut(string(text), " ")
	return load
}
