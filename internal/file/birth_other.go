//go:build !linux

package file

import "os"

func lstatBirth(path string) (Info, error) { return lstat(path) }
func statBirth(path string) (Info, error)  { return stat(path) }
func birthOf(f *os.File) (Info, error)     { return fstat(f) }
