// Package version knows which version of this module a command is of.
package version

import (
	"runtime/debug"
	"strings"
)

// source is the version of the source, for a build that Go knows none of: one
// from an unpacked archive, or a test.
const source = "0.1.0"

// Line is what a command prints for --version, as flock(1) words it.
func Line(program string) string {
	info, _ := debug.ReadBuildInfo()
	return program + " from fsync " + of(info) + "\n"
}

// of returns the version without the v that Go puts before it. For "go install
// MODULE@v1.2.3" that is 1.2.3; for a build in a clone, Go makes one of the
// last tag and the commit.
func of(info *debug.BuildInfo) string {
	if info == nil || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return source
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}
