package cli

import (
	"runtime/debug"
	"strings"
)

// sourceVersion is the version of a build for which Go knows none: one from an
// unpacked archive, or a test.
const sourceVersion = "0.1.0"

// versionLine is what a command prints for --version, in the words of flock(1).
func versionLine(program string) string {
	info, _ := debug.ReadBuildInfo()
	return program + " from fsync " + versionOf(info) + "\n"
}

// versionOf returns the version without the leading v. For "go install
// MODULE@v1.2.3" that is 1.2.3; for a build in a clone, Go makes one from the last
// tag and the commit.
func versionOf(info *debug.BuildInfo) string {
	if info == nil || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return sourceVersion
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}
