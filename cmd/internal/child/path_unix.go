//go:build unix

package child

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"golang.org/x/sys/unix"
)

// LookPath finds the file of a command, which must be executable, as execvp(3)
// does. Unlike [os/exec.LookPath] it has a default for PATH, and an empty element of
// PATH means the working directory.
func LookPath(name string) (string, error) {
	if strings.Contains(name, "/") {
		return executable(name)
	}
	list, ok := os.LookupEnv("PATH")
	if !ok {
		list = "/bin:/usr/bin"
	}
	found := error(unix.ENOENT)
	for dir := range strings.SplitSeq(list, ":") {
		if dir == "" {
			dir = "."
		}
		path, err := executable(dir + "/" + name) // not cleaned: a link before ".." would lead elsewhere
		switch {
		case err == nil:
			return path, nil
		case errors.Is(err, fs.ErrPermission), err == unix.EISDIR:
			found = unix.EACCES // unless a later directory has the command
		}
	}
	return "", found
}

// executable returns the path of a file that this process may execute.
func executable(path string) (string, error) {
	if _, err := exec.LookPath(path); err != nil {
		return "", cli.Reason(err)
	}
	return path, nil
}
