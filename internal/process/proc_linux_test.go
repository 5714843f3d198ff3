package process

import (
	"fmt"
	"strings"
	"testing"
)

// FuzzStat reads the stat and the status of a process as the kernel writes them, whatever
// name the process has given itself, and other text without taking it for a process.
func FuzzStat(f *testing.F) {
	f.Add("sh", byte('S'), 1, 42, 1, uint64(123456))
	f.Add(") R 1 (", byte('Z'), 0, 0, 2, uint64(1<<63))
	f.Add("a\nNSpid:\t9\n", byte('R'), 4242, -1, 100, uint64(0))
	f.Add("", byte('('), 1, 1, 1, uint64(1))
	f.Add("NSpid:\n", byte('R'), 7, 7, 7, uint64(7))
	f.Fuzz(func(t *testing.T, name string, state byte, parent, group, threads int, start uint64) {
		if state > ' ' && state < 0x7f && state != ')' {
			want := Stat{name, state, parent, group, threads, start}
			text := fmt.Sprintf("4242 (%s) %c %d %d 5 6 7 8 9 10 11 12 13 14 15 16 17 18 %d 20 %d 22 23\n", name, state, parent, group, threads, start)
			if got, ok := parseStat(text); !ok || got != want {
				t.Errorf("%q: %+v, %v, want %+v", text, got, ok, want)
			}
			// A name of the longest length, TASK_COMM_LEN, has no room for the other fields.
			if got, ok := parseStat(text[:len(text)/2]); ok && got.Name != name && len(name) < 16 {
				t.Errorf("half of %q: %+v", text, got)
			}
		}
		if got, ok := parseStat(name); !ok && got != (Stat{}) {
			t.Errorf("%q: both %+v and no process", name, got)
		}
		escaped := strings.NewReplacer("\\", `\\`, "\n", `\n`).Replace(name) // as the kernel does
		status := fmt.Sprintf("Name:\t%s\nUmask:\t0022\nNSpid:\t%d\t%d\nNSpgid:\t1\n", escaped, parent, group)
		if got, want := innermostIn(status), fmt.Sprint(group); got != want {
			t.Errorf("%q: %q, want %q", status, got, want)
		}
		if got := innermostIn(name); strings.ContainsAny(got, " \t\n") {
			t.Errorf("%q: %q", name, got)
		}
	})
}
