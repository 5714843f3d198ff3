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
	"slices"
	"strings"
	"time"
)

// The names of the peers in the results.
const (
	ours         = "ours"
	rawFlock     = "flock(2)"
	gofrs        = "gofrs/flock"
	lockedFile   = "lockedfile"
	jujuMutex    = "juju/mutex"
	pyFilelock   = "py-filelock"
	portalocker  = "portalocker"
	fasteners    = "fasteners"
	flockCommand = "flock(1)"

	oursPolling  = "ours, polling" // in a namespace without inotify instances
	bareFsnotify = "fsnotify"
	rawInotify   = "inotify(7)"
	mpEvent      = "mp.Event"
	managerEvent = "Manager().Event()"
	pipe         = "pipe"
	statPolling  = "stat, 10 ms"
	channels     = "channels"

	oursJournal = "ours, journal" // with --journal
	bare        = "no wrapper"
)

// The peers of each group, in the order of the columns of the results.
var (
	lockPeers    = []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners, flockCommand}
	eventPeers   = []string{ours, oursPolling, bareFsnotify, rawInotify, mpEvent, managerEvent, pipe, statPolling, channels}
	commandPeers = []string{ours, oursJournal, flockCommand, bare}
	allPeers     = slices.Concat(lockPeers, eventPeers[1:], []string{oursJournal, bare})
)

// goModule is the Go module of a peer.
var goModule = map[string]string{
	gofrs:        "github.com/gofrs/flock",
	lockedFile:   "github.com/rogpeppe/go-internal",
	jujuMutex:    "github.com/juju/mutex/v2",
	bareFsnotify: "github.com/fsnotify/fsnotify",
}

// pythonPackage is the name under which Python imports a peer. The Debian package
// is called python3-NAME.
var pythonPackage = map[string]string{pyFilelock: "filelock", portalocker: "portalocker", fasteners: "fasteners"}

// pythonEvent is the name of an event of Python's multiprocessing in events.py.
var pythonEvent = map[string]string{mpEvent: "Event", managerEvent: "Manager"}

// systemPeer describes the peers that do not come from a package.
var systemPeer = map[string]string{
	rawFlock:    "the system call",
	oursPolling: "ours, for a user without inotify instances left",
	rawInotify:  "the system calls; a thread sleeps in read(2)",
	pipe:        "a byte through a FIFO",
	statPolling: "os.Stat every 10 ms",
	channels:    "a Go channel for each goroutine, in one process",
	oursJournal: "fsync-lock with --journal",
	bare:        "the command alone",
}

// python is Debian's interpreter, which finds Debian's packages.
const python = "/usr/bin/python3"

//go:embed locks.py
var lockScript string

//go:embed events.py
var eventScript string

// The reasons why a peer cannot run on a machine. They do not count as failures.
var (
	errNotInstalled = errors.New("not installed")
	errNotAllowed   = errors.New("not allowed here")
)

func cannotRun(err error) bool {
	return errors.Is(err, errNotInstalled) || errors.Is(err, errNotAllowed)
}

// version returns the version of a peer, or why it cannot run.
func version(ctx context.Context, peer string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	switch {
	case goModule[peer] != "":
		return moduleVersion(goModule[peer]), nil
	case pythonPackage[peer] != "":
		out, err := exec.CommandContext(ctx, python, "-I", "-c", lockScript, "version", pythonPackage[peer]).Output()
		if err != nil {
			return "", fmt.Errorf("%w: Debian's python3-%s", errNotInstalled, pythonPackage[peer])
		}
		return string(bytes.TrimSpace(out)), nil
	case pythonEvent[peer] != "":
		out, err := exec.CommandContext(ctx, python, "-I", "-c", eventScript, "version", pythonEvent[peer]).Output()
		if err != nil {
			return "", fmt.Errorf("%w: Debian's python3", errNotInstalled)
		}
		return "Python " + string(bytes.TrimSpace(out)), nil
	case peer == flockCommand:
		out, err := exec.CommandContext(ctx, "flock", "--version").Output()
		if err != nil {
			return "", fmt.Errorf("%w: flock, of util-linux", errNotInstalled)
		}
		return strings.TrimPrefix(string(bytes.TrimSpace(out)), "flock from "), nil
	case systemPeer[peer] != "":
		return systemPeer[peer], nil
	}
	return sourceVersion(ctx), nil
}

// moduleVersion returns the version of a Go module in this program.
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

// sourceVersion returns the commit of the working directory.
func sourceVersion(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "git", "--no-optional-locks", "describe", "--always", "--dirty= and changes")
	out, err := cmd.Output()
	if err != nil {
		return "unknown"
	}
	return "commit " + string(bytes.TrimSpace(out))
}
