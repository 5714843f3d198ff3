//go:build unix

package child

import (
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// LookPath finds a command as execvp(3) does. Unlike [os/exec.LookPath] it has a
// default for PATH, and an empty element of PATH means the working directory.
func LookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return name, nil
	}
	list, ok := os.LookupEnv("PATH")
	if !ok {
		list = "/bin:/usr/bin"
	}
	found := error(unix.ENOENT)
	for _, dir := range strings.Split(list, ":") {
		if dir == "" {
			dir = "."
		}
		path := dir + "/" + name // not cleaned: a link before ".." would lead elsewhere
		switch err := executable(path); err {
		case nil:
			return path, nil
		case unix.EACCES:
			found = err // unless a later directory has the command
		}
	}
	return "", found
}

func executable(path string) error {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return unix.EACCES
	}
	return unix.Faccessat(unix.AT_FDCWD, path, unix.X_OK, unix.AT_EACCESS)
}
