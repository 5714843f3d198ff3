package main

import (
	"os"
	"path/filepath"
)

// rootDir is what fsync-lock uses for root.
const rootDir = "/run/lock/fsync"

// defaultDir is the directory that fsync-lock --name uses without --dir; empty
// if there is none.
func defaultDir() string {
	if dir := os.Getenv("FSYNC_DIR"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "fsync")
	}
	if os.Geteuid() == 0 {
		return rootDir
	}
	return ""
}
