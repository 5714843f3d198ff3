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

// The peers, by the names that the results show.
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

	oursPolling  = "ours, polling" // where there is no watcher to be had
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

// lockPeers and eventPeers are in the order of the results' columns.
var (
	lockPeers    = []string{ours, rawFlock, gofrs, lockedFile, jujuMutex, pyFilelock, portalocker, fasteners, flockCommand}
	eventPeers   = []string{ours, oursPolling, bareFsnotify, rawInotify, mpEvent, managerEvent, pipe, statPolling, channels}
	commandPeers = []string{ours, oursJournal, flockCommand, bare}
	allPeers     = slices.Concat(lockPeers, eventPeers[1:], []string{oursJournal, bare})
)

// goModule is where a peer of this module comes from.
var goModule = map[string]string{
	gofrs:        "github.com/gofrs/flock",
	lockedFile:   "github.com/rogpeppe/go-internal",
	jujuMutex:    "github.com/juju/mutex/v2",
	bareFsnotify: "github.com/fsnotify/fsnotify",
}

// pythonPackage is the name of a peer for import; Debian's package is the
// same behind "python3-".
var pythonPackage = map[string]string{pyFilelock: "filelock", portalocker: "portalocker", fasteners: "fasteners"}

// pythonEvent is what event.py calls those of Python's multiprocessing.
var pythonEvent = map[string]string{mpEvent: "Event", managerEvent: "Manager"}

// systemPeer says of what the peers consist that are nobody's package.
var systemPeer = map[string]string{
	rawFlock:    "the system call",
	oursPolling: "ours with no inotify instance left to the user",
	rawInotify:  "the system calls, read(2) in a thread of its own",
	pipe:        "a byte through a FIFO",
	statPolling: "os.Stat every 10 ms",
	channels:    "a channel for each goroutine, in one process",
	oursJournal: "fsync-lock with --journal",
	bare:        "the command by itself",
}

// python is Debian's, which is the one that has Debian's packages.
const python = "/usr/bin/python3"

//go:embed locks.py
var lockScript string

//go:embed events.py
var eventScript string

// errNotInstalled and errNotAllowed are why a peer cannot run on a machine,
// which is no failure.
var (
	errNotInstalled = errors.New("not installed")
	errNotAllowed   = errors.New("not allowed here")
)

func cannotRun(err error) bool {
	return errors.Is(err, errNotInstalled) || errors.Is(err, errNotAllowed)
}

// version says which version of a peer there is, or why there is none.
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
