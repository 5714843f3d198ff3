//go:build unix

package userdir

import (
	"bufio"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// passwd is the password database. Package os/user also asks others, but brings
// the C library into each command: fsync-lock would take longer to start.
const passwd = "/etc/passwd"

// base returns the user's directory of names, and whether other hosts share it.
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

// homeOf returns the home directory of a user, empty if the file has none.
func homeOf(uid int, passwd string) string {
	f, err := os.Open(passwd)
	if err != nil {
		return ""
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		// name:password:UID:GID:comment:home:shell
		if fields := strings.Split(lines.Text(), ":"); len(fields) == 7 && fields[2] == strconv.Itoa(uid) && filepath.IsAbs(fields[5]) {
			return fields[5]
		}
	}
	return ""
}

// isSession reports whether the login manager made the directory, and removes
// it when the user's last session ends.
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
