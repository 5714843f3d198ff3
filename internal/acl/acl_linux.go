// Package acl gives a new directory the access control list (acl(5)) of its parent, and tells
// whether all users of a directory may read it.
package acl

import (
	"cmp"
	"encoding/binary"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Attribute is the extended attribute (xattr(7)) that contains the list of a file.
const Attribute = "system.posix_acl_access"

// The version of a list and the tags of its entries: see linux/posix_acl_xattr.h.
const (
	version     = 2
	tagUserObj  = 0x01 // the owner of the file
	tagUser     = 0x02
	tagGroupObj = 0x04 // the group of the file
	tagGroup    = 0x08
	tagMask     = 0x10
	tagOther    = 0x20
	noID        = ^uint32(0) // the ID in an entry whose tag needs none
)

// An entry is one line of getfacl(1).
type entry struct {
	tag, perm uint16
	id        uint32
}

// A list is in the order that the kernel wants.
type list []entry

// Inherit gives the open directory f a list, so that each user has the same permissions
// for it as for its parent, dir. It reports whether it has set a list. It sets none if mode
// bits are enough, or if the file system has no lists.
//
// The directory may have another owner or group than its parent, because the process that
// made it may not change them. Then the parent's owner and group get entries of their own,
// and the group of that process gets the permissions of others.
func Inherit(f *os.File, dir string, parent *syscall.Stat_t) bool {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	l, given := listOf(dir)
	// The kernel ignores a list whose mask is empty (acl_permission_check in
	// fs/namei.c).
	if given = given && parent.Mode&0o070 != 0; !given {
		// Remove the list that the parent's default list has given to the directory.
		unix.Fremovexattr(int(f.Fd()), Attribute)
		l = listOfMode(parent.Mode)
	}
	foreign := st.Uid != parent.Uid || st.Gid != parent.Gid
	if !given && (!foreign || l.sameForAll()) {
		return false
	}
	if foreign {
		l = l.handedTo(&st, parent)
	}
	return unix.Fsetxattr(int(f.Fd()), Attribute, l.encode(), 0) == nil
}

// listOf returns the list of a file, if it has one.
func listOf(path string) (list, bool) {
	var buffer [4096]byte
	n, err := unix.Getxattr(path, Attribute, buffer[:])
	if err != nil {
		return nil, false
	}
	return decode(buffer[:n])
}

// decode reads the attribute.
func decode(text []byte) (list, bool) {
	if len(text) < 4 || binary.LittleEndian.Uint32(text) != version {
		return nil, false
	}
	var l list
	for text = text[4:]; len(text) >= 8; text = text[8:] {
		l = append(l, entry{
			binary.LittleEndian.Uint16(text), binary.LittleEndian.Uint16(text[2:]), binary.LittleEndian.Uint32(text[4:]),
		})
	}
	return l, true
}

func listOfMode(mode uint32) list {
	return list{
		{tagUserObj, uint16(mode >> 6 & 7), noID},
		{tagGroupObj, uint16(mode >> 3 & 7), noID},
		{tagOther, uint16(mode & 7), noID},
	}
}

// sameForAll reports whether all users have the same permissions.
func (l list) sameForAll() bool {
	return !slices.ContainsFunc(l, func(e entry) bool { return e.perm != l[0].perm })
}

// handedTo returns a list for a file with another owner or group than the parent. It gives
// each user the same permissions as l gives for the parent.
func (l list) handedTo(file *unix.Stat_t, parent *syscall.Stat_t) list {
	limit, other := uint16(7), uint16(0)
	for _, e := range l {
		switch e.tag {
		case tagMask:
			limit = e.perm
		case tagOther:
			other = e.perm
		}
	}
	named := make(map[entry]uint16) // the permissions of users and groups
	for _, e := range l {
		switch e.tag {
		case tagUserObj: // for the owner, the kernel ignores a tagUser entry
			named[entry{tag: tagUser, id: parent.Uid}] = e.perm
		case tagUser:
			if e.id != parent.Uid {
				named[entry{tag: tagUser, id: e.id}] |= e.perm & limit
			}
		case tagGroupObj:
			named[entry{tag: tagGroup, id: parent.Gid}] |= e.perm & limit
		case tagGroup:
			named[entry{tag: tagGroup, id: e.id}] |= e.perm & limit
		}
	}
	return assemble(named, file, other)
}

// assemble makes a list from the permissions of users and groups. The file's owner and
// group get the entries without an ID. An owner without permissions in named gets all,
// because the owner has made the file, and so may write to the parent.
func assemble(named map[entry]uint16, file *unix.Stat_t, other uint16) list {
	owner, group := uint16(7), other
	var l list
	for key, perm := range named {
		switch {
		case key.tag == tagUser && key.id == file.Uid:
			owner = perm
		case key.tag == tagGroup && key.id == file.Gid:
			group = perm
		default:
			l = append(l, entry{key.tag, perm, key.id})
		}
	}
	l = append(l, entry{tagUserObj, owner, noID}, entry{tagGroupObj, group, noID},
		entry{tagMask, 7, noID}, entry{tagOther, other, noID})
	slices.SortFunc(l, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.tag, b.tag), cmp.Compare(a.id, b.id))
	})
	return l
}

func (l list) encode() []byte {
	text := binary.LittleEndian.AppendUint32(nil, version)
	for _, e := range l {
		text = binary.LittleEndian.AppendUint16(text, e.tag)
		text = binary.LittleEndian.AppendUint16(text, e.perm)
		text = binary.LittleEndian.AppendUint32(text, e.id)
	}
	return text
}

// ReadableByAll reports whether each user with search permission for the directory also
// has read permission, and so can read its attributes.
func ReadableByAll(dir string) bool {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return false
	}
	named, _ := listOf(dir)
	l := append(listOfMode(st.Mode), named...)
	return !slices.ContainsFunc(l, func(e entry) bool { return e.perm&1 != 0 && e.perm&4 == 0 })
}
