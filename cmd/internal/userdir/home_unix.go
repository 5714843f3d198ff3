//go:build unix

package userdir

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// passwd is the password file. Package os/user also reads other databases, but it links
// the C library into the command, and then fsync-lock starts more slowly.
const passwd = "/etc/passwd"

// base returns the user's directory for names, and whether other hosts share it.
func base() (dir string, shared bool, err error) {
	if os.Geteuid() == 0 {
		if runtime.GOOS == "linux" {
			return "/run/fsync", false, nil
		}
		return "/var/run/fsync", false, nil
	}
	home := os.Getenv("HOME")
	if !filepath.IsAbs(home) || !isOurs(home) {
		if home = homeOf(os.Geteuid(), passwd); home == "" {
			return "", false, usageError("a name needs a directory, and this user has no home directory: give --dir, or set FSYNC_DIR")
		}
	}
	return filepath.Join(home, ".local", "state", "fsync"), onNetwork(home), nil
}

// homeOf returns the home directory of a user in the file; empty = none.
func homeOf(uid int, passwd string) string {
	text, _ := os.ReadFile(passwd)
	return homeIn(string(text), uid)
}

// homeIn returns the home directory of a user in the text of a password file. As
// getpwuid(3), it ignores comments, which begin with #, and references to other databases,
// which begin with + or -.
func homeIn(text string, uid int) string {
	for line := range strings.Lines(text) {
		// name:password:UID:GID:comment:home:shell
		fields := strings.Split(strings.TrimRight(line, "\r\n"), ":")
		if len(fields) != 7 || fields[0] == "" || strings.ContainsAny(fields[0][:1], "#+-") {
			continue
		}
		if fields[2] == strconv.Itoa(uid) && filepath.IsAbs(fields[5]) {
			return fields[5]
		}
	}
	return ""
}

// isSession reports whether the directory belongs to login sessions: the login manager
// removes it when the user's last session ends.
func isSession(dir string) bool {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return strings.HasPrefix(filepath.Clean(dir), "/run/user/")
}

func ours(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}

// writers returns the write permissions of a file.
func writers(info os.FileInfo) fs.FileMode { return info.Mode().Perm() & 0o222 }
