package child

import (
	"errors"
	"os/exec"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
)

// LookPath finds a command.
func LookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if errors.Is(err, exec.ErrDot) {
		err = nil // the user's PATH may name the working directory
	}
	if err != nil {
		return "", cli.Reason(err)
	}
	return path, nil
}
