package main

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/filelock"
)

// A frame fits the screen, and begins with the alerts and the busy items.
func TestFrame(t *testing.T) {
	t.Parallel()
	s := &snapshot{at: time.Now(), dirs: []string{"dir"}}
	for i := range 100 {
		e := entry{fsync.Entry{Kind: fsync.KindLock, Name: "free", Path: "/free"}, "free"}
		if i == 90 {
			e.label, e.Holders = "busy", []filelock.Holder{{PID: 1}}
		}
		s.entries = append(s.entries, e)
	}
	s.errs = []error{os.ErrPermission}
	deadlock := fsync.Deadlock{{PID: 1, WaitsFor: fsync.Entry{Kind: fsync.KindLock, Path: "/b"}}, {PID: 2, WaitsFor: fsync.Entry{Kind: fsync.KindLock, Path: "/a"}}}
	p := s.pager([]fsync.Deadlock{deadlock}, false)
	for _, height := range []int{24, 12, 5, 2, 1} {
		f := p.frame(s.at, style{}, 60, height, offset{})
		text := strings.Join(f.lines, "\n")
		if len(f.lines) > height || !strings.HasSuffix(text, "of 105; hjkl scroll; q ends") || height > 1 && !strings.Contains(text, "1 of 100 busy in dir") {
			t.Errorf("%d lines of %d: %s", len(f.lines), height, text)
		}
		if height >= 12 && (!strings.Contains(f.lines[6], "busy") || !strings.Contains(text, "pid 1 holds lock a and waits for lock b") || !strings.Contains(text, "permission denied")) {
			t.Errorf("%d lines: %s", height, text)
		}
	}
	all := strings.Join(p.frame(s.at, style{}, 60, 200, offset{}).lines, "\n")
	if !strings.HasSuffix(all, "free\n\n1 of 100 busy in dir; q ends") || strings.Count(all, "free  ") != 99 {
		t.Errorf("%s", all)
	}
}

// On a screen of any size, scrolling reaches every line and every column and stops at
// the end. The last line says which part is visible.
func TestScroll(t *testing.T) {
	t.Parallel()
	s := &snapshot{at: time.Now()}
	for i := range 30 {
		e := entry{Entry: fsync.Entry{Kind: fsync.KindLock, Path: fmt.Sprintf("/l%d", i)}}
		e.label = e.Path
		for pid := range i % 4 {
			e.Waiters = append(e.Waiters, filelock.Waiter{PID: 100*i + pid + 1, Command: fmt.Sprintf("command %d.%d %send", i, pid, strings.Repeat("x", i))})
		}
		s.entries = append(s.entries, e)
	}
	p := s.pager(nil, false)
	whole := p.frame(s.at, style{}, 1000, 1000, offset{})
	total := p.starts[30]
	for _, size := range []struct{ width, height int }{{80, 24}, {30, 10}, {20, 5}, {200, 6}} {
		seen := map[string]bool{}
		at, last := offset{}, offset{-1, -1}
		for at != last { // down by a page, and on each page to the right by columnStep
			f := p.frame(s.at, style{}, size.width, size.height, at)
			for column := 0; ; column += columnStep {
				g := p.frame(s.at, style{}, size.width, size.height, offset{at.line, column})
				for _, line := range g.lines {
					if term.Cells(line) > size.width {
						t.Fatalf("%v: %d cells: %s", size, term.Cells(line), line)
					}
				}
				for _, word := range strings.Fields(strings.Join(g.lines, "\n")) {
					seen[word] = true
				}
				if g.at.column < column {
					break
				}
			}
			last, at = at, f.at
			at = keyPageDown.scroll(at, f.page)
			if f.at.line+f.page >= total {
				at = f.at
			}
		}
		for i := range 30 {
			for pid := range i % 4 {
				if text := fmt.Sprint(100*i + pid + 1); !seen[text] {
					t.Errorf("%v: process %s was never seen", size, text)
				}
			}
		}
		end := p.frame(s.at, style{}, size.width, size.height, keyEnd.scroll(offset{}, 0))
		if want := fmt.Sprintf("%d/%d", total, total); !strings.Contains(strings.ReplaceAll(strings.Join(end.lines, "\n"), " of ", "/"), want) {
			t.Errorf("%v: the end is not %s: %q", size, want, end.lines)
		}
		if start := p.frame(s.at, style{}, size.width, size.height, keyHome.scroll(end.at, 5)); start.at != (offset{}) {
			t.Errorf("%v: the start is %v", size, start.at)
		}
	}
	if last := whole.lines[len(whole.lines)-1]; strings.Contains(last, "scroll") {
		t.Errorf("nothing is cut, and it says %q", last)
	}
}

// If the first row of an item is scrolled away, its name is in the first visible row.
func TestNameStaysVisible(t *testing.T) {
	t.Parallel()
	e := entry{fsync.Entry{Kind: fsync.KindLock, Path: "/backup"}, "backup"}
	for pid := range 10 {
		e.Waiters = append(e.Waiters, filelock.Waiter{PID: 1<<30 + pid})
	}
	s := &snapshot{at: time.Now(), entries: []entry{e}}
	f := s.pager(nil, false).frame(s.at, style{}, 80, 8, offset{line: 3})
	if row := strings.Join(strings.Fields(f.lines[1]), " "); row != fmt.Sprint("lock backup free waits ", 1<<30+3) {
		t.Errorf("the first row is %q", row)
	}
}
