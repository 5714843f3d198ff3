package fskind

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]Kind{
		"/proc":                          {"proc", true, false},
		"/sys":                           {"sysfs", true, false},
		filepath.Join(t.TempDir(), "no"): {},
	} {
		if _, err := os.Stat(dir); err != nil && want.Silent {
			continue
		}
		if got := Of(dir); got != want {
			t.Errorf("Of(%q) = %+v, want %+v", dir, got, want)
		}
	}
}

// An open file is on the same kind of file system as its path.
func TestOfDescriptor(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/proc", t.TempDir()} {
		f, err := os.Open(path)
		if err != nil {
			t.Skip(err)
		}
		defer f.Close()
		if got, want := OfDescriptor(int(f.Fd())), Of(path); got != want {
			t.Errorf("an open %s: %+v, want %+v", path, got, want)
		}
	}
}

// A call that a signal has interrupted is made again. After another error the kind is unknown.
func TestErrors(t *testing.T) {
	t.Parallel()
	calls := 0
	fails := func(err error) func(*unix.Statfs_t) error {
		return func(st *unix.Statfs_t) error {
			setType(&st.Type, unix.PROC_SUPER_MAGIC)
			if calls++; calls%3 == 0 {
				return nil
			}
			return err
		}
	}
	if got := of(fails(unix.EINTR)); got.Name != "proc" || calls != 3 {
		t.Errorf("after two signals: %+v, %d calls", got, calls)
	}
	if got := of(fails(unix.EIO)); got != (Kind{}) || calls != 4 {
		t.Errorf("after an error: %+v, %d calls", got, calls)
	}
}

// The value that statfs(2) returns for each kind is found, whatever sign and width the field
// has on this architecture.
func TestKinds(t *testing.T) {
	t.Parallel()
	for _, fs := range []struct {
		magic   uint32
		network bool
	}{
		{unix.NFS_SUPER_MAGIC, true}, {unix.SMB_SUPER_MAGIC, true}, {unix.CIFS_SUPER_MAGIC, true}, {unix.SMB2_SUPER_MAGIC, true},
		{unix.FUSE_SUPER_MAGIC, true}, {unix.CEPH_SUPER_MAGIC, true}, {unix.V9FS_MAGIC, true}, {unix.CODA_SUPER_MAGIC, true},
		{unix.OCFS2_SUPER_MAGIC, true}, {unix.AFS_SUPER_MAGIC, true}, {unix.AFS_FS_MAGIC, true}, {unix.NCP_SUPER_MAGIC, true},
		{unix.OVERLAYFS_SUPER_MAGIC, false}, {unix.PROC_SUPER_MAGIC, false}, {unix.SYSFS_MAGIC, false},
	} {
		st := unix.Statfs_t{}
		setType(&st.Type, fs.magic)
		if k := kinds[uint32(st.Type)]; !k.Silent || k.Network != fs.network || k.Name == "" {
			t.Errorf("%#x is %+v", fs.magic, k)
		}
	}
	for _, local := range []uint32{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC} {
		if k, ok := kinds[local]; ok {
			t.Errorf("%#x is %+v", local, k)
		}
	}
}

func setType[T int32 | int64 | uint32](field *T, magic uint32) { *field = T(magic) }
