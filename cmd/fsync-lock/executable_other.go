//go:build unix && !linux

package main

import "os"

func executable() (string, error) { return os.Executable() }
