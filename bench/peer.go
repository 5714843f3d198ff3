//go:build linux

package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"runtime/debug"
	"strings"
	"time"
)

// The peers, by the names that the results show.
const (
	ours        = "ours"
	rawFlock    = "flock(2)"
	gofrs       = "gofrs/flock"
	lockedFile  = "lockedfile"
	jujuMutex   = "juju/mutex"
	pyFilelock  = "py-filelock"
	portalocker = "portalocker"
	fasteners   = "fasteners"
	flockTool   = "flock(1)"
)

// allPeers is the order of the results' columns.
var allPeers = []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners, flockTool}

// goModule is where a peer of this module comes from.
var goModule = map[string]string{
	gofrs:      "github.com/gofrs/flock",
	lockedFile: "github.com/rogpeppe/go-internal",
	jujuMutex:  "github.com/juju/mutex/v2",
}

// pythonPackage is the name of a peer for import; Debian's package is the
// same behind "python3-".
var pythonPackage = map[string]string{pyFilelock: "filelock", portalocker: "portalocker", fasteners: "fasteners"}

// python is Debian's, which is the one that has Debian's packages.
const python = "/usr/bin/python3"

//go:embed peer.py
var pythonScript string

var errNotInstalled = errors.New("not installed")

// version says which version of a peer there is, or why there is none.
func version(ctx context.Context, peer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch {
	case goModule[peer] != "":
		return moduleVersion(goModule[peer]), nil
	case pythonPackage[peer] != "":
		out, err := exec.CommandContext(ctx, python, "-I", "-c", pythonScript, "version", pythonPackage[peer]).Output()
		if err != nil {
			return "", fmt.Errorf("%w: Debian's python3-%s", errNotInstalled, pythonPackage[peer])
		}
		return string(bytes.TrimSpace(out)), nil
	case peer == flockTool:
		out, err := exec.CommandContext(ctx, "flock", "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%w: flock, of util-linux", errNotInstalled)
		}
		return strings.TrimPrefix(string(bytes.TrimSpace(out)), "flock from "), nil
	case peer == rawFlock:
		return "the system call", nil
	}
	return sourceVersion(ctx), nil
}

// moduleVersion is the version of a dependency that this program is built with.
func moduleVersion(path string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == path {
			return dep.Version
		}
	}
	return "unknown"
}

// sourceVersion is the commit of the working directory.
func sourceVersion(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "git", "--no-optional-locks", "describe", "--always", "--dirty= and changes")
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	return "commit " + string(bytes.TrimSpace(out))
}
