//go:build linux

package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"runtime"
)

// commandsDir is the directory, beside those of the rounds, in which the commands of this
// repository are. They are built once, from the source beside the source of this program, so a
// fault that was put into the source is in them too.
const commandsDir = "commands"

func commandPath(round, name string) string {
	return filepath.Join(filepath.Dir(round), commandsDir, name)
}

// buildCommands builds the commands that the mix needs. The directory is the one in which the
// rounds are.
func buildCommands(dir string, m mix) error {
	for _, p := range m.programs {
		if p != fsyncLock {
			continue
		}
		cmd := exec.Command("go", "build", "-buildvcs=false", "-o", filepath.Join(dir, commandsDir, string(p)), "./cmd/"+string(p))
		cmd.Dir = sourceRoot()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w: %s", p, err, out)
		}
	}
	return nil
}

// sourceRoot returns the directory of the repository of which this program was built.
func sourceRoot() string {
	_, file, _, _ := runtime.Caller(0)
	return filepath.Dir(filepath.Dir(file))
}

// sourceIsMissing returns the reason why the commands cannot be built, or nil.
func sourceIsMissing() error {
	if _, err := exec.LookPath("go"); err != nil {
		return err
	}
	if paths, _ := filepath.Glob(filepath.Join(sourceRoot(), "cmd", "fsync-lock", "main.go")); paths == nil {
		return errors.New("the source of the commands is not there any more")
	}
	return nil
}
