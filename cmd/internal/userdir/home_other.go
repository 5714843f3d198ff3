//go:build !unix

package userdir

import (
	"io/fs"
	"os"
	"path/filepath"
)

// base returns the user's directory for names. It is local to this host, not in a
// roaming profile.
func base() (dir string, shared bool, err error) {
	dir, err = os.UserCacheDir()
	if err != nil {
		return "", false, usageError("a name needs a directory: give --dir, or set FSYNC_DIR or LocalAppData")
	}
	return filepath.Join(dir, "fsync"), false, nil
}

func isSession(string) bool { return false }

// ours is always true: on this system the mode of a file does not show which users
// may write to it.
func ours(os.FileInfo) bool { return true }

// writers is always 0, for the same reason: Go reports that all users may write to any
// directory.
func writers(os.FileInfo) fs.FileMode { return 0 }
