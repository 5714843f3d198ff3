//go:build !(mips || mipsle || mips64 || mips64le || s390x)

package child

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// FuzzProc reads a text as files in /proc. Whatever the group of this process is called,
// its directory and all above it are found, and no directory elsewhere.
func FuzzProc(f *testing.F) {
	f.Add("0::/user.slice/user-1000.slice/session-1.scope\n", "/a/b", uint64(0))
	f.Add("12:pids:/docker/1\n11:cpu,cpuacct:/\n1:name=systemd:/\n", "/", uint64(1<<14))
	f.Add("0::/../../../etc\n", "/a:b/c d/..", uint64(1<<63))
	f.Add("0:\n:\n\n::\n0::\n", "", uint64(1))
	f.Add("ShdPnd:\nShdPnd:\t1\n", "/\tShdPnd:", uint64(1<<64-1))
	f.Fuzz(func(t *testing.T, text, group string, pending uint64) {
		for _, dir := range cgroupsIn(text) {
			if dir != path.Clean(dir) || dir != cgroupRoot && !strings.HasPrefix(dir, cgroupRoot+"/") {
				t.Errorf("%q: %q", text, dir)
			}
		}
		if n := len(cgroupsIn(text)); n > strings.Count(text, "/")+2*strings.Count(text, "\n")+2 {
			t.Errorf("%q: %d directories", text, n)
		}
		pendingIn(text)
		if strings.Contains(group, "\n") {
			return
		}
		for controllers, root := range map[string]string{"": cgroupRoot, "pids": cgroupRoot + "/pids"} {
			var want []string
			for dir := root + path.Clean("/"+group); len(dir) >= len(root); dir = path.Dir(dir) {
				want = append(want, strings.TrimSuffix(dir, "/"))
			}
			if group = path.Clean("/" + group); group == "/" {
				want = []string{root}
			}
			line := fmt.Sprintf("9:cpu:/x\n4:%s:%s\n", controllers, group)
			if got := cgroupsIn(line); !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", line, got, want)
			}
		}
		status := fmt.Sprintf("Name:\tsignals\nSigPnd:\t0000000000000001\nShdPnd:\t%016x\nSigBlk:\t0000000000000002\n", pending)
		if got := pendingIn(status); got != pending {
			t.Errorf("%q: %x", status, got)
		}
	})
}
