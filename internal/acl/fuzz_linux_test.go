package acl

import (
	"bytes"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzList reads lists as other programs may have written them. A list of the same entries
// is written back, and each user keeps the same permissions if it is handed to a directory
// with another owner and group.
func FuzzList(f *testing.F) {
	full := list{{tagUserObj, 7, noID}, {tagUser, 5, 1001}, {tagGroupObj, 0, noID}, {tagGroup, 7, 51}, {tagMask, 5, noID}, {tagOther, 1, noID}}
	f.Add(full.encode(), uint32(1000), uint32(50), uint32(0), uint32(0))
	f.Add(listOfMode(0o750).encode(), uint32(1000), uint32(50), uint32(1001), uint32(51))
	f.Add(listOfMode(0o755).encode(), uint32(0), uint32(0), uint32(0), uint32(0))
	twice := list{{tagUserObj, 7, noID}, {tagGroupObj, 4, noID}, {tagGroup, 2, 50}, {tagMask, 7, noID}, {tagOther, 0, noID}}
	f.Add(twice.encode(), uint32(1000), uint32(50), uint32(1001), uint32(51))
	f.Add([]byte{2, 0, 0, 0, 1}, uint32(1), uint32(1), uint32(2), uint32(2))
	f.Add([]byte{2, 0, 0, 0}, uint32(1), uint32(1), uint32(2), uint32(2))
	f.Add([]byte{3, 0, 0, 0}, uint32(1), uint32(1), uint32(2), uint32(2))
	f.Fuzz(func(t *testing.T, text []byte, owner, group, newOwner, newGroup uint32) {
		l, ok := decode(text)
		if !ok {
			if l != nil || len(text) >= 4 && text[0] == version && bytes.Equal(text[1:4], []byte{0, 0, 0}) {
				t.Errorf("%x: %v, %v", text, l, ok)
			}
			return
		}
		if again := l.encode(); !bytes.HasPrefix(text, again) || len(text)-len(again) >= 8 {
			t.Fatalf("%x became %x", text, again)
		}
		if l = valid(l); l == nil {
			return
		}
		given := l.handedTo(&unix.Stat_t{Uid: newOwner, Gid: newGroup}, &syscall.Stat_t{Uid: owner, Gid: group})
		if again, ok := decode(given.encode()); !ok || !slices.Equal(again, given) || valid(given) == nil {
			t.Fatalf("%v cannot be set", given)
		}
		checkPermissions(t, acl{l, owner, group}, acl{given, newOwner, newGroup})
	})
}

// valid returns the entries that a kernel accepts, nil if there are none: one for the owner,
// the group and others, and one for each other user and group, with a mask for them.
func valid(l list) list {
	seen := map[entry]bool{}
	var kept list
	named, objects, mask := false, 0, false
	for _, e := range l {
		switch e.tag {
		case tagUser, tagGroup:
			named = true
		case tagUserObj, tagGroupObj, tagOther:
			objects++
			e.id = noID
		case tagMask:
			mask = e.perm&7 != 0
			e.id = noID
		default:
			continue
		}
		e.perm &= 7
		key := entry{tag: e.tag, id: e.id}
		if seen[key] {
			return nil
		}
		seen[key] = true
		kept = append(kept, e)
	}
	if objects != 3 || named && !mask || seen[entry{tag: tagMask, id: noID}] && !mask {
		return nil
	}
	return kept
}

// An acl is a list with the owner and the group of its file.
type acl struct {
	list
	owner, group uint32
}

// allows reports whether a process may use the file in this way, by the algorithm of acl(5).
func (a acl) allows(user uint32, groups []uint32, want uint16) bool {
	limit, other := uint16(7), uint16(0)
	for _, e := range a.list {
		switch {
		case e.tag == tagMask:
			limit = e.perm
		case e.tag == tagOther:
			other = e.perm
		case e.tag == tagUserObj && user == a.owner:
			return e.perm&want == want
		}
	}
	for _, e := range a.list {
		if e.tag == tagUser && e.id == user {
			return e.perm&limit&want == want
		}
	}
	member := false
	for _, e := range a.list {
		if e.tag == tagGroup && slices.Contains(groups, e.id) || e.tag == tagGroupObj && slices.Contains(groups, a.group) {
			if member = true; e.perm&limit&want == want {
				return true
			}
		}
	}
	return !member && other&want == want
}

// allowsApart reports whether a list has two entries for the group of the file, one of them
// without an ID, and allows a process each of these ways to use the file, but perhaps not
// all at once. A list for another file has one entry for that group, which allows them all
// at once.
func (a acl) allowsApart(user uint32, groups []uint32, want uint16) bool {
	if !slices.ContainsFunc(a.list, func(e entry) bool { return e.tag == tagGroup && e.id == a.group }) {
		return false
	}
	for bit := uint16(1); bit <= 4; bit <<= 1 {
		if want&bit != 0 && !a.allows(user, groups, bit) {
			return false
		}
	}
	return true
}

// checkPermissions fails the test unless each user has the same permissions for both files.
// It leaves out the owner of the new file. A member of its group is tried without other
// groups: see Inherit.
func checkPermissions(t *testing.T, old, now acl) {
	t.Helper()
	users, groups := []uint32{old.owner, 77}, []uint32{old.group, 78}
	for _, e := range old.list {
		switch e.tag {
		case tagUser:
			users = append(users, e.id)
		case tagGroup:
			groups = append(groups, e.id)
		}
	}
	for _, user := range users {
		if user == now.owner {
			continue
		}
		for i, group := range groups {
			for _, in := range [][]uint32{{group}, {group, groups[(i+1)%len(groups)]}} {
				if len(in) > 1 && slices.Contains(in, now.group) {
					continue
				}
				for want := uint16(1); want <= 7; want++ {
					a, b := old.allows(user, in, want), now.allows(user, in, want)
					if a != b && !(b && old.allowsApart(user, in, want)) {
						t.Errorf("user %d in %v, permission %o: %v with %+v, %v with %+v", user, in, want, a, old, b, now)
					}
				}
			}
		}
	}
}
