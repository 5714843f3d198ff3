package filelock

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/acl"
	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

// A link is followed only if no other user can have put it there.
func TestLinksOfOthers(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can make files of other users")
	}
	const others = "in a directory that others may write to"
	for name, c := range map[string]struct {
		dir                    fs.FileMode
		dirOwner, group, owner int
		names                  int  // 2: the link has a second name
		acl                    bool // another user may write to the directory by its access control list
		want                   string
	}{
		"of this user":                            {dir: 0o755},
		"of another user":                         {dir: 0o755, owner: 1234, want: "a symbolic link of user 1234"},
		"of another user in a sticky directory":   {dir: 0o777 | fs.ModeSticky, owner: 1234, want: "a symbolic link of user 1234"},
		"in a directory of another user":          {dir: 0o755, dirOwner: 1234, want: "in a directory of user 1234"},
		"in an open directory":                    {dir: 0o777, want: others},
		"in a sticky directory":                   {dir: 0o777 | fs.ModeSticky},
		"with two names in a sticky directory":    {dir: 0o777 | fs.ModeSticky, names: 2, want: others},
		"with two names in a closed directory":    {dir: 0o755, names: 2},
		"in a directory that a group may write":   {dir: 0o775, group: 1234, want: others},
		"in a directory that a group may read":    {dir: 0o755, group: 1234},
		"in a directory that the own group has":   {dir: 0o775},
		"in a directory with an ACL for a user":   {dir: 0o775, acl: true, want: others},
		"with an ACL that its mask makes useless": {dir: 0o755, acl: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
			link := filepath.Join(dir, "link")
			testproc.Must(t, os.Symlink(file, link), os.Lchown(link, c.owner, -1), os.Chown(dir, c.dirOwner, c.group))
			if c.names == 2 {
				testproc.Must(t, os.Link(link, link+".2"))
			}
			if c.acl {
				letWrite(t, dir, 1234)
			}
			testproc.Must(t, os.Chmod(dir, c.dir))
			l := New(link, AnyFile())
			ok, err := l.TryAcquire()
			_, holdersErr := l.Holders()
			for _, err := range []error{err, holdersErr} {
				if c.want == "" && err != nil || c.want != "" && (!errors.Is(err, fs.ErrInvalid) || !strings.Contains(err.Error(), c.want)) {
					t.Errorf("%v, want %q", err, c.want)
				}
			}
			if ok != (c.want == "") {
				t.Errorf("TryAcquire = %v", ok)
			}
		})
	}
	if why := distrustLink("missing", ""); !strings.Contains(why, "cannot be read") {
		t.Errorf("a link that is gone: %q", why)
	}
}

// letWrite gives the directory an access control list (acl(5)) that lets a user write.
func letWrite(t *testing.T, dir string, uid uint32) {
	t.Helper()
	list := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 7, ^uint32(0)}, {0x02, 7, uid}, {0x04, 5, ^uint32(0)}, {0x10, 7, ^uint32(0)}, {0x20, 5, ^uint32(0)}} {
		list = binary.LittleEndian.AppendUint16(list, e.tag)
		list = binary.LittleEndian.AppendUint16(list, e.perm)
		list = binary.LittleEndian.AppendUint32(list, e.id)
	}
	if err := unix.Setxattr(dir, acl.Attribute, list, 0); err != nil {
		t.Skip("no access control lists here:", err)
	}
}
