package testproc

import (
	"testing"

	"golang.org/x/sys/unix"
)

// ReportsOf watches files with inotify(7). The function that it returns returns the kernel's
// reports since its last call. They come at once, so no report means that nothing happened.
func ReportsOf(t testing.TB, mask uint32, paths ...string) (reports func() string) {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		t.Skip("other programs of this user have taken all inotify instances")
	}
	t.Cleanup(func() { unix.Close(fd) })
	for _, path := range paths {
		if _, err := unix.InotifyAddWatch(fd, path, mask); err != nil {
			t.Fatal(err)
		}
	}
	return func() string {
		var all []byte
		var buffer [4096]byte
		for {
			n, err := unix.Read(fd, buffer[:])
			if n <= 0 || err != nil {
				return string(all)
			}
			all = append(all, buffer[:n]...)
		}
	}
}
