package main

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func waiters(path string) int { return testproc.Waiters(noTest{}, path) }

// noTest is for helpers that have no test to fail.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }
