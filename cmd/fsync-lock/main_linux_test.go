package main

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

func waiters(path string) int { return testproc.Waiters(noTest{}, path) }

// noTest is for helpers that are called without a test.
type noTest struct{ testing.TB }

func (noTest) Helper()           {}
func (noTest) Fatal(args ...any) { panic(args) }
