//go:build unix

package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFollow(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(
		os.Mkdir(at("sub"), 0o755),
		os.Symlink("sub/second", at("first")),
		os.Symlink("../end", at("sub/second")),
		os.Symlink("loop", at("loop")),
		os.Symlink(at("end"), at("absolute")),
	); err != nil {
		t.Fatal(err)
	}
	follow := func(path string, stop string, reason error) (links []string, end string, err error) {
		end, err = Follow(path, func(link, text string) error {
			links = append(links, text)
			if link == stop {
				return reason
			}
			return nil
		})
		return links, end, err
	}
	second := at("sub/second")
	for _, c := range []struct {
		path, stop string
		reason     error
		links      []string
		end        string
		err        error
	}{
		{path: at("end"), end: at("end")},
		{path: at("absolute"), links: []string{at("end")}, end: at("end")},
		{path: at("first"), links: []string{"sub/second", "../end"}, end: at("sub") + "/../end"},
		{path: at("first"), stop: second, reason: fs.SkipAll, links: []string{"sub/second", "../end"}, end: second},
		{path: at("first"), stop: at("first"), reason: fs.ErrPermission, links: []string{"sub/second"}, err: fs.ErrPermission},
	} {
		links, end, err := follow(c.path, c.stop, c.reason)
		if !slices.Equal(links, c.links) || end != c.end || !errors.Is(err, c.err) {
			t.Errorf("%s, %v at %s: %q, %q, %v", c.path, c.reason, c.stop, links, end, err)
		}
	}
	if links, _, err := follow(at("loop"), "", nil); len(links) != maxLinks || !errors.Is(err, fs.ErrInvalid) {
		t.Errorf("a loop: %d links, %v", len(links), err)
	}
	if _, _, err := follow("a\x00b", "", nil); err == nil {
		t.Error("a path with a NUL is no error")
	}
}
