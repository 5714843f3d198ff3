package cli

import (
	"runtime/debug"
	"strings"
)

// sourceVersion is the version if Go does not know one: in a build from an unpacked
// archive, and in tests.
const sourceVersion = "0.1.0"

// versionLine is what a command prints for --version, in the words of flock(1).
func versionLine(program string) string {
	info, _ := debug.ReadBuildInfo()
	return program + " from fsync " + versionOf(info) + "\n"
}

// versionOf returns the version without the leading v. After "go install
// MODULE@v1.2.3" it is 1.2.3; in a clone, Go makes a version from the last tag and the
// commit.
func versionOf(info *debug.BuildInfo) string {
	if info == nil || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return sourceVersion
	}
	return strings.TrimPrefix(info.Main.Version, "v")
}
