package acl

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
	"golang.org/x/sys/unix"
)

var must = testproc.Must

// directory makes a directory with a mode and, if l is not nil, a list.
func directory(t *testing.T, mode fs.FileMode, attribute string, l list) (dir string) {
	t.Helper()
	dir = t.TempDir()
	must(t, os.Chmod(dir, mode))
	if l != nil {
		err := unix.Setxattr(dir, attribute, l.encode(), 0)
		if errors.Is(err, unix.ENOTSUP) {
			t.Skip("this file system has no lists")
		}
		must(t, err)
	}
	return dir
}

func statOf(t *testing.T, dir string) *syscall.Stat_t {
	t.Helper()
	var st syscall.Stat_t
	must(t, syscall.Stat(dir, &st))
	return &st
}

// A new directory gets the list of its parent, with entries for the parent's owner and group if
// it has others. If mode bits are enough, it has no list.
func TestInherit(t *testing.T) {
	t.Parallel()
	const defaults, same = "system.posix_acl_default", -1
	me, mine := uint32(os.Getuid()), uint32(os.Getgid())
	full := list{{tagUserObj, 7, noID}, {tagUser, 7, 1001}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}
	masked := slices.Clone(full)
	masked[3].perm = 5
	heirsName := list{{tagUserObj, 7, noID}, {tagUser, 5, 1000}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}
	noMask := slices.Clone(full)
	noMask[3].perm = 0
	ownersName := list{{tagUserObj, 5, noID}, {tagUser, 7, me}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}
	for what, c := range map[string]struct {
		mode      fs.FileMode
		attribute string
		list      list
		uid, gid  int // of the new directory
		want      list
	}{
		"a list":                         {0o750, Attribute, full, same, same, full},
		"a mask":                         {0o750, Attribute, masked, same, same, masked},
		"an empty mask":                  {0o750, Attribute, noMask, same, same, nil},
		"a mode":                         {0o750, "", nil, same, same, nil},
		"a default list":                 {0o750, defaults, full, same, same, nil},
		"a mode, another owner":          {0o750, "", nil, 1000, same, list{{tagUserObj, 7, noID}, {tagUser, 7, me}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"a mode, another group":          {0o750, "", nil, same, 1000, list{{tagUserObj, 7, noID}, {tagGroupObj, 0, noID}, {tagGroup, 5, mine}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"a mode for all, another owner":  {0o777, "", nil, 1000, 1000, nil},
		"a list, another owner":          {0o750, Attribute, full, 1000, 1000, list{{tagUserObj, 7, noID}, {tagUser, 7, me}, {tagUser, 7, 1001}, {tagGroupObj, 0, noID}, {tagGroup, 5, mine}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"the owner by name":              {0o750, Attribute, ownersName, 1000, same, list{{tagUserObj, 7, noID}, {tagUser, 5, me}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"the other owner by name":        {0o750, Attribute, heirsName, 1000, same, list{{tagUserObj, 5, noID}, {tagUser, 7, me}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"an empty mask, another owner":   {0o705, Attribute, noMask, 1000, same, list{{tagUserObj, 7, noID}, {tagUser, 7, me}, {tagGroupObj, 0, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"a default list, another owner":  {0o750, defaults, full, 1000, same, list{{tagUserObj, 7, noID}, {tagUser, 7, me}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}},
		"a list and others, other owner": {0o707, Attribute, list{{tagUserObj, 7, noID}, {tagUser, 6, 1001}, {tagGroupObj, 7, noID}, {tagMask, 5, noID}, {tagOther, 7, noID}}, 1000, 1000, list{{tagUserObj, 7, noID}, {tagUser, 7, me}, {tagUser, 4, 1001}, {tagGroupObj, 7, noID}, {tagGroup, 5, mine}, {tagMask, 7, noID}, {tagOther, 7, noID}}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if os.Getuid() != 0 && (c.uid != same || c.gid != same) {
				t.Skip("only root can give a directory to another user")
			}
			parent := directory(t, c.mode, c.attribute, c.list)
			child := filepath.Join(parent, "child")
			must(t, os.Mkdir(child, 0o700), os.Chown(child, c.uid, c.gid))
			f, err := os.Open(child)
			must(t, err)
			defer f.Close()
			set := Inherit(f, parent, statOf(t, parent))
			got, given := listOf(child)
			if set != (c.want != nil) || given != set || !slices.Equal(got, c.want) {
				t.Errorf("Inherit = %v; the list is %v, want %v", set, got, c.want)
			}
		})
	}
}

// Where there are no lists, none is set.
func TestInheritWithoutLists(t *testing.T) {
	t.Parallel()
	parent := directory(t, 0o750, Attribute, list{{tagUserObj, 7, noID}, {tagUser, 7, 1001}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}})
	f, err := os.Open("/proc/self/fdinfo")
	if err != nil {
		t.Skip(err)
	}
	defer f.Close()
	if Inherit(f, parent, statOf(t, parent)) {
		t.Error("a list was set in proc")
	}
}

// A user who may search a directory must be able to read it, whatever entry permits that.
func TestReadableByAll(t *testing.T) {
	t.Parallel()
	with := func(perm uint16) list {
		return list{{tagUserObj, 7, noID}, {tagUser, perm, 1001}, {tagGroupObj, 5, noID}, {tagMask, 7, noID}, {tagOther, 0, noID}}
	}
	for _, c := range []struct {
		mode fs.FileMode
		list list
		want bool
	}{
		{0o755, nil, true}, {0o711, nil, false}, {0o710, nil, false}, {0o750, nil, true}, {0o744, nil, true}, {0o700, nil, true},
		{0o750, with(5), true}, {0o750, with(1), false}, {0o750, with(4), true}, {0o750, with(0), true},
	} {
		if got := ReadableByAll(directory(t, c.mode, Attribute, c.list)); got != c.want {
			t.Errorf("%o with %v: %v", c.mode, c.list, got)
		}
	}
	if ReadableByAll(filepath.Join(t.TempDir(), "missing")) {
		t.Error("a missing directory can be read")
	}
}
