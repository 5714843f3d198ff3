package flockwait_test

import (
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

var roles = map[string]testproc.Role{}

func TestMain(m *testing.M) { testproc.Main(m, roles) }
