package sidecar

import (
	"cmp"
	"encoding/binary"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

const accessACL = "system.posix_acl_access"

// The version of an ACL and the tags of its entries: see linux/posix_acl_xattr.h.
const (
	aclVersion  = 2
	aclUserObj  = 0x01
	aclUser     = 0x02
	aclGroupObj = 0x04
	aclGroup    = 0x08
	aclMask     = 0x10
	aclOther    = 0x20
	aclNobody   = ^uint32(0) // the ID in an entry whose tag needs none
)

// An aclEntry is one line of getfacl(1).
type aclEntry struct {
	Tag, Perm uint16
	ID        uint32
}

// An acl is an access control list, in the order that the kernel wants.
type acl []aclEntry

// inheritACL gives the open directory an ACL, so that each user has the same permissions
// for it as for its parent, dir. It reports whether it has set an ACL. It has not if mode
// bits are enough, or if the file system has no ACLs.
//
// The directory may have another owner or group than its parent, if its maker may not
// change them. Then the parent's owner and group get entries of their own, and the
// maker's group gets the permissions of others.
func inheritACL(f *os.File, dir string, parent *syscall.Stat_t) bool {
	var st unix.Stat_t
	if unix.Fstat(int(f.Fd()), &st) != nil {
		return false
	}
	list, given := aclOf(dir)
	// The kernel ignores an ACL whose mask is empty (acl_permission_check in
	// fs/namei.c).
	if given = given && parent.Mode&0o070 != 0; !given {
		// Remove the ACL that the parent's default ACL has given to the new directory.
		unix.Fremovexattr(int(f.Fd()), accessACL)
		list = aclOfMode(parent.Mode)
	}
	foreign := st.Uid != parent.Uid || st.Gid != parent.Gid
	if !given && (!foreign || list.sameForAll()) {
		return false
	}
	if foreign {
		list = list.handedTo(parent, &st)
	}
	return unix.Fsetxattr(int(f.Fd()), accessACL, list.encode(), 0) == nil
}

// aclOf returns the ACL of the directory, if it has one.
func aclOf(dir string) (acl, bool) {
	var text [4096]byte
	n, err := unix.Getxattr(dir, accessACL, text[:])
	if err != nil || n < 4 || binary.LittleEndian.Uint32(text[:]) != aclVersion {
		return nil, false
	}
	var list acl
	for entry := text[4:n]; len(entry) >= 8; entry = entry[8:] {
		list = append(list, aclEntry{
			binary.LittleEndian.Uint16(entry), binary.LittleEndian.Uint16(entry[2:]), binary.LittleEndian.Uint32(entry[4:]),
		})
	}
	return list, true
}

func aclOfMode(mode uint32) acl {
	return acl{
		{aclUserObj, uint16(mode >> 6 & 7), aclNobody},
		{aclGroupObj, uint16(mode >> 3 & 7), aclNobody},
		{aclOther, uint16(mode & 7), aclNobody},
	}
}

// sameForAll reports whether all users have the same permissions.
func (list acl) sameForAll() bool {
	return !slices.ContainsFunc(list, func(e aclEntry) bool { return e.Perm != list[0].Perm })
}

// handedTo returns the ACL that gives each user the same permissions for a directory of
// another owner or group.
func (list acl) handedTo(parent *syscall.Stat_t, file *unix.Stat_t) acl {
	limit, other := uint16(7), uint16(0)
	for _, e := range list {
		switch e.Tag {
		case aclMask:
			limit = e.Perm
		case aclOther:
			other = e.Perm
		}
	}
	named := make(map[aclEntry]uint16) // users and groups, without their permissions
	name := func(tag uint16, id uint32, perm uint16) {
		named[aclEntry{Tag: tag, ID: id}] |= perm
	}
	for _, e := range list {
		switch e.Tag {
		case aclUserObj: // the owner's entry counts, even if there is another for the same user
			named[aclEntry{Tag: aclUser, ID: parent.Uid}] = e.Perm
		case aclUser:
			if e.ID != parent.Uid {
				name(aclUser, e.ID, e.Perm&limit)
			}
		case aclGroupObj:
			name(aclGroup, parent.Gid, e.Perm&limit)
		case aclGroup:
			name(aclGroup, e.ID, e.Perm&limit)
		}
	}
	return assemble(named, file, other)
}

// assemble makes an ACL from the permissions of users and groups. The entries of
// the new directory's owner and group become those without an ID. An owner without an
// entry gets all permissions: it has made the new directory, so it may write to the
// parent.
func assemble(named map[aclEntry]uint16, file *unix.Stat_t, other uint16) acl {
	owner, group := uint16(7), other
	var list acl
	for key, perm := range named {
		switch {
		case key.Tag == aclUser && key.ID == file.Uid:
			owner = perm
		case key.Tag == aclGroup && key.ID == file.Gid:
			group = perm
		default:
			list = append(list, aclEntry{key.Tag, perm, key.ID})
		}
	}
	list = append(list, aclEntry{aclUserObj, owner, aclNobody}, aclEntry{aclGroupObj, group, aclNobody},
		aclEntry{aclMask, 7, aclNobody}, aclEntry{aclOther, other, aclNobody})
	slices.SortFunc(list, func(a, b aclEntry) int {
		return cmp.Or(cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.ID, b.ID))
	})
	return list
}

func (list acl) encode() []byte {
	text := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range list {
		text = binary.LittleEndian.AppendUint16(text, e.Tag)
		text = binary.LittleEndian.AppendUint16(text, e.Perm)
		text = binary.LittleEndian.AppendUint32(text, e.ID)
	}
	return text
}

// ReadableByAll reports whether every user who may search the directory may also
// read it, and so its attributes.
func ReadableByAll(dir string) bool {
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil {
		return false
	}
	list := aclOfMode(st.Mode)
	if named, given := aclOf(dir); given {
		list = append(list, named...)
	}
	return !slices.ContainsFunc(list, func(e aclEntry) bool { return e.Perm&1 != 0 && e.Perm&4 == 0 })
}
