//go:build unix && !linux

package journal

import (
	"errors"
	"os"
)

// Access control lists are left to the directory here.

func readList(*os.File) ([]byte, error) { return nil, nil }

func writeList(*os.File, []byte) error { return errors.ErrUnsupported }

func dropList(*os.File) error { return nil }
