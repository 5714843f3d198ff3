//go:build !unix

package cwd

import (
	"errors"
	"path/filepath"
)

type identity struct{}

func (identity) String() string { return "" }

func identify(string) (identity, error) { return identity{}, errors.ErrUnsupported }

func isRemoved(string) bool { return false }

func getwd() string { return "" }

// At returns the absolute path, which begins nowhere else.
func At(path string) (string, Dir, error) {
	path, err := filepath.Abs(path)
	return path, Dir{}, err
}
