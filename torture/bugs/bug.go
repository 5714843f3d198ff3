//go:build linux

package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A bug is a patch that puts a known fault back. The file NAME.patch begins with lines that
// describe it:
//
//	# what: one sentence about what goes wrong
//	# kind: exclusion, lost hold, liveness, delivery or leftover
//	# mended in: the commits that mended it, or that brought the protection
//	# test: ./PACKAGE TestName, a test of the repository that fails with the patch
//	# mix: the mix with which the torture finds it
//	# within: the seconds in which the torture finds it
//	# ci: yes, if CI puts it in each time
//
// A bug without a mix is beyond what the torture does; then only its test finds it, and
// "# beyond:" says what the torture lacks.
type bug struct {
	name     string
	file     string // the path of the patch
	what     string
	kind     string
	mendedIn string
	pkg      string // of the test
	test     string
	mix      string
	within   time.Duration
	beyond   string
	ci       bool
}

var kinds = []string{"exclusion", "lost hold", "delivery", "liveness", "leftover"}

// readBugs reads the patches in a directory, in the order of their kinds and names.
func readBugs(dir string) ([]bug, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.patch"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no patches in %s", dir)
	}
	var bugs []bug
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		b, err := parseBug(string(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if b.file, err = filepath.Abs(file); err != nil {
			return nil, err
		}
		b.name = strings.TrimSuffix(filepath.Base(file), ".patch")
		bugs = append(bugs, b)
	}
	slices.SortStableFunc(bugs, func(a, b bug) int {
		return cmp.Compare(slices.Index(kinds, a.kind), slices.Index(kinds, b.kind))
	})
	return bugs, nil
}

// parseBug reads the lines before the patch.
func parseBug(text string) (b bug, err error) {
	for line := range strings.Lines(text) {
		header, is := strings.CutPrefix(line, "# ")
		if !is {
			break
		}
		key, value, _ := strings.Cut(strings.TrimSpace(header), ": ")
		switch key {
		case "what":
			b.what = value
		case "kind":
			b.kind = value
		case "mended in":
			b.mendedIn = value
		case "test":
			b.pkg, b.test, _ = strings.Cut(value, " ")
		case "mix":
			b.mix = value
		case "within":
			seconds, e := strconv.Atoi(value)
			b.within, err = time.Duration(seconds)*time.Second, errors.Join(err, e)
		case "beyond":
			b.beyond = value
		case "ci":
			b.ci = value == "yes"
		default:
			err = errors.Join(err, fmt.Errorf("unknown line: # %s", key))
		}
	}
	return b, errors.Join(err, b.complete())
}

// complete returns an error if something is missing.
func (b bug) complete() error {
	switch {
	case b.what == "", b.mendedIn == "":
		return errors.New("it does not say what goes wrong, or what mended it")
	case !slices.Contains(kinds, b.kind):
		return fmt.Errorf("the kind %q is none of %s", b.kind, strings.Join(kinds, ", "))
	case (b.mix == "") == (b.beyond == ""):
		return errors.New("it needs either a mix or the reason why it is beyond the torture")
	case b.mix != "" && b.within <= 0:
		return errors.New("it does not say within how many seconds the torture finds it")
	case b.mix == "" && b.test == "":
		return errors.New("neither the torture nor a test finds it")
	case b.ci && b.mix == "":
		return errors.New("CI cannot look for it without a mix")
	}
	return nil
}

// choose returns the bugs with these names, all if there are none.
func choose(bugs []bug, names string) ([]bug, error) {
	if names == "" {
		return bugs, nil
	}
	var chosen []bug
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(bugs, func(b bug) bool { return b.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no bug %q", name)
		}
		chosen = append(chosen, bugs[i])
	}
	return chosen, nil
}
