package fskind

import "golang.org/x/sys/unix"

func fsType(st *unix.Statfs_t) string { return unix.ByteSliceToString(st.F_fstypename[:]) }
