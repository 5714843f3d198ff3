package locktable

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// lockLine is a line of /proc/locks.
var lockLine = regexp.MustCompile(`^\s*\S+\s+(->\s+)?(FLOCK|POSIX|OFDLCK)\s+\S+\s+(\S+)\s+([+-]?[0-9]+)\s+(\S+)(?:\s|$)`)

// FuzzLocks reads a text as the kernel's table of locks, and compares each line with a
// regular expression. Lines that the kernel can write, with these values, are among them.
func FuzzLocks(f *testing.F) {
	f.Add("1: FLOCK  ADVISORY  WRITE 4242 fe:00:1234 0 EOF\n1: -> FLOCK  ADVISORY  READ 4243 fe:00:1234 0 EOF\n", 1, uint64(2), byte(3))
	f.Add("lock:\t1: FLOCK  ADVISORY  READ 42 fe:00:1234 0 EOF\n", -1, uint64(1<<63), byte(1))
	f.Add("pos:\t0\nflags:\t02100000\nmnt_id:\t29\nlock:\t1: POSIX  ADVISORY  WRITE 7 00:19:3 0 EOF\nlock:\t2: FLOCK  ADVISORY  WRITE 7 00:19:3 0 EOF\n", 7, uint64(3), byte(0))
	f.Add("1: OFDLCK ADVISORY  WRITE -1 fe:00:1234 0 EOF\n2: LEASE  ACTIVE    WRITE 9 fe:00:1 0 EOF\n3: DELEG  ACTIVE    READ 9 fe:00:1 0 EOF\n4: POSIX  ADVISORY  WRITE 0 <none>:0 0 EOF\n", 0, uint64(0), byte(9))
	f.Add("1: FLOCK\nlock:\n->\n1: ->\n1: -> -> FLOCK A READ 1 f\nlock:lock: FLOCK A READ 99999999999999999999 f\n\v\n", 1, uint64(1), byte(255))
	f.Fuzz(func(t *testing.T, text string, pid int, ino uint64, how byte) {
		if !strings.ContainsFunc(text, func(r rune) bool { return r > 0x7e || r == '\f' || r == '\v' }) {
			checkTable(t, text)
		}
		mode, dev := "WRITE", fmt.Sprintf("%02x:%02x:%d", how, how/2, ino)
		want := Lock{PID: pid, Shared: how&1 != 0, Waits: how&2 != 0, POSIX: how&4 != 0}
		if want.Shared {
			mode = "READ "
		}
		prefix, kind := strings.Repeat(" ", int(how>>4)), "FLOCK  ADVISORY "
		if want.Waits {
			prefix += "-> "
		}
		if want.POSIX {
			kind = "POSIX  ADVISORY "
		}
		line := fmt.Sprintf("%d: %s%s %s %d %s 0 EOF\n", how, prefix, kind, mode, pid, dev)
		if file, got, ok := parse(line); !ok || got != want || file != dev {
			t.Errorf("%q: %q, %+v, %v", line, file, got, ok)
		}
		if found := flocksIn(line) != ""; found == want.POSIX {
			t.Errorf("%q: Flocks() has it: %v", line, found)
		}
	})
}

func checkTable(t *testing.T, text string) {
	t.Helper()
	table, want, first := Table{}, Table{}, -1
	table.add(text)
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		m := lockLine.FindStringSubmatch(strings.TrimPrefix(line, "lock:"))
		if m == nil {
			continue
		}
		pid, err := strconv.Atoi(m[4])
		if err != nil {
			continue
		}
		l := Lock{PID: pid, Shared: m[3] == "READ", Waits: m[1] != "", POSIX: m[2] != "FLOCK"}
		if !slices.Contains(want[m[5]], l) {
			want[m[5]] = append(want[m[5]], l)
		}
		if !l.POSIX && first < 0 {
			first = i
		}
	}
	if fmt.Sprint(table) != fmt.Sprint(want) {
		t.Errorf("%q: %v, want %v", text, table, want)
	}
	l, locked := flockIn(text)
	if locked != (first >= 0) {
		t.Errorf("%q: locked %v", text, locked)
	}
	if locked {
		if _, want, _ := parse(lines[first]); l != want {
			t.Errorf("%q: %+v, want %+v", text, l, want)
		}
	}
	if n := strings.Count(flocksIn(text), "\n"); n > strings.Count(text, "\n") {
		t.Errorf("%q: %d flock(2) locks", text, n)
	}
}

// FuzzMountinfo finds the device of a mount among other mounts, whose names and options
// may be any text that the kernel has escaped.
func FuzzMountinfo(f *testing.F) {
	f.Add("21 28 0:19 / /proc rw,nosuid shared:12 - proc proc rw\n", uint64(36), uint32(98), uint32(0), "/mnt1", "rw,noatime")
	f.Add("36 1 1:1\n36 2 2:2 / / rw\n", uint64(36), uint32(1<<20-1), uint32(1<<32-1), `/a\040b\012`, "")
	f.Add("36 1 x:1\n36\n\n3 6 8:8 36 36 8:1\n", uint64(1<<63), uint32(0), uint32(0), "36 35 98:1", "\n36 35 98:1 / / rw")
	f.Fuzz(func(t *testing.T, others string, mount uint64, major, minor uint32, name, options string) {
		escape := strings.NewReplacer(" ", `\040`, "\t", `\011`, "\n", `\012`, `\`, `\134`)
		id, want := strconv.FormatUint(mount, 10), device{major, minor}
		line := fmt.Sprintf("%s 28 %d:%d / %s %s - ext4 %s rw\n", id, major, minor, escape.Replace(name), escape.Replace(options), escape.Replace(name))
		before := deviceIn(others, mount)
		isOther := func(text string) bool { // it is certainly not about this mount
			return !slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return strings.HasPrefix(strings.TrimSpace(line), id) })
		}
		if isOther(others) {
			if before != (device{}) {
				t.Errorf("mount %s in %q: %v", id, others, before)
			}
			if got := deviceIn(others+"\n"+line, mount); got != want {
				t.Errorf("mount %s in %q: %v, want %v", id, others+"\n"+line, got, want)
			}
		}
		if got := deviceIn(line+others, mount); got != want {
			t.Errorf("mount %s in %q: %v, want %v", id, line+others, got, want)
		}
	})
}
