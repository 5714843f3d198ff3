package main

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func waiters(path string) int { return testproc.Waiters(noTest{}, path) }

// noTest stands for the test in helpers that are called from a script.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }
