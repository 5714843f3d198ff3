//go:build !linux

package fileevent

import (
	"errors"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

var polling = mode{"polling", func(t *testing.T, args ...string) *testproc.Proc {
	t.Skip("only on Linux can a process be kept from having a watcher")
	return nil
}}

func banWatchers() error { return errors.ErrUnsupported }

func takeDescriptors() {}

func watchers() int { return -1 }

func overlayOn(string) error { return errors.ErrUnsupported }
