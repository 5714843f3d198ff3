//go:build !unix

package userdir

import (
	"os"
	"path/filepath"
)

// base returns the user's directory of names. It is on this host: profiles that
// roam between hosts leave it behind.
func base() (dir string, shared bool, err error) {
	dir, err = os.UserCacheDir()
	if err != nil {
		return "", false, usageError("a name needs a directory: give --dir, or set FSYNC_DIR or LocalAppData")
	}
	return filepath.Join(dir, "fsync"), false, nil
}

func isSession(string) bool { return false }

// ours is always true: a file's mode does not say who may write to it here.
func ours(os.FileInfo) bool { return true }
