//go:build linux

package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

type verdict string

const (
	untried   verdict = "not tried"
	killed    verdict = "noticed"
	survives  verdict = "SURVIVES"
	unreached verdict = "not reached"
)

// A test of a test binary.
type test struct {
	name    string
	binary  *binary
	took    time.Duration
	reaches int // how many mutants it reaches
}

// A binary has the tests of one package, linked with the mutants.
type binary struct {
	path, dir string
}

// A bench is where the tests run: a directory, with the binaries in it.
type bench struct {
	dir      string
	binaries []*binary
	runs     atomic.Int64
}

// build makes the mutants of the package and compiles the tests with them.
func (s *subject) build(ctx context.Context) (b *bench, err error) {
	b = &bench{}
	if b.dir, err = os.MkdirTemp("", "mutate-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			b.remove()
		}
	}()
	if err := os.Chmod(b.dir, 0o755); err != nil { // some tests run as another user
		return nil, err
	}
	overlay, err := s.mutate(ctx, b.dir)
	if err != nil {
		return nil, err
	}
	for i, pkg := range s.tests {
		p, err := s.list(ctx, pkg)
		if err != nil {
			return nil, err
		}
		bin := &binary{filepath.Join(b.dir, fmt.Sprintf("tests%d", i)), p.Dir}
		if _, err := s.goTool(ctx, "test", "-c", "-overlay", overlay, "-o", bin.path, pkg); err != nil {
			return nil, err
		}
		b.binaries = append(b.binaries, bin)
	}
	s.gone = s.missing()
	s.mutants = slices.DeleteFunc(s.mutants, func(m *mutant) bool {
		return !strings.Contains(m.name, s.only) || m.n%s.parts != s.part%s.parts
	})
	return b, nil
}

// missing returns what is listed for the package and is no mutant of it.
func (s *subject) missing() (names []string) {
	for name := range s.known {
		file, _, _ := strings.Cut(name, " ")
		if filepath.Dir(file) == filepath.Clean(s.pkg) && !slices.ContainsFunc(s.mutants, func(m *mutant) bool { return m.name == name }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (b *bench) remove() { os.RemoveAll(b.dir) }

// A goPackage is what go list says about a package.
type goPackage struct {
	Dir, Name string
	GoFiles   []string
}

func (s *subject) list(ctx context.Context, pkg string) (p goPackage, err error) {
	out, err := s.goTool(ctx, "list", "-json=Dir,Name,GoFiles", pkg)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(out, &p)
}

func (s *subject) goTool(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = s.root
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("go %s: %w\n%s", args[0], err, exit.Stderr)
	}
	return out, err
}

// mutate writes the files with the mutants, and returns an overlay file for the compiler.
func (s *subject) mutate(ctx context.Context, dir string) (overlay string, err error) {
	p, err := s.list(ctx, s.pkg)
	if err != nil {
		return "", err
	}
	sources := map[string]string{
		filepath.Join(p.Dir, "mutant.go"): "package " + p.Name + "\n\nimport (\n\tmutantos \"os\"\n\tmutantstrconv \"strconv\"\n\tmutantsync \"sync\"\n)" + prelude,
	}
	w := &mutator{fset: token.NewFileSet(), next: 1, names: map[string]int{}}
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		w.src, w.file, w.edits = string(text), strings.TrimPrefix(filepath.Join(s.pkg, name), "./"), nil
		f, err := parser.ParseFile(w.fset, path, text, parser.SkipObjectResolution)
		if err != nil {
			return "", err
		}
		sources[path] = w.mutate(f)
	}
	s.mutants = w.made
	replace := map[string]string{}
	for path, text := range sources {
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	overlay = filepath.Join(dir, "overlay.json")
	return overlay, os.WriteFile(overlay, text, 0o644)
}

// reach runs each test alone and notes which mutants it reaches.
func (b *bench) reach(ctx context.Context, mutants []*mutant, j int) error {
	var tests []test
	for _, bin := range b.binaries {
		out, err := exec.CommandContext(ctx, bin.path, "-test.list", "^(Test|Example|Fuzz)").Output()
		if err != nil {
			return err
		}
		for _, name := range strings.Fields(string(out)) {
			tests = append(tests, test{name: name, binary: bin})
		}
	}
	var mu sync.Mutex
	byNumber := map[int]*mutant{}
	for _, m := range mutants {
		byNumber[m.n] = m
	}
	return parallel(ctx, j, tests, func(t test) error {
		notes := t.binary.path + "-" + t.name
		if err := errors.Join(os.WriteFile(notes, nil, 0o666), os.Chmod(notes, 0o666)); err != nil {
			return err
		}
		start := time.Now()
		failed, err := b.run(ctx, []test{t}, 2*time.Minute, "MUTANT_NOTES="+notes)
		if err != nil {
			return err
		}
		if failed != "" {
			fmt.Fprintf(os.Stderr, "mutate: %s fails without a change, and is left out\n", t.name)
			return nil
		}
		t.took = time.Since(start)
		text, err := os.ReadFile(notes)
		if err != nil {
			return err
		}
		lines := strings.Fields(string(text))
		t.reaches = len(lines)
		mu.Lock()
		defer mu.Unlock()
		for _, line := range lines {
			n, _ := strconv.Atoi(line)
			if m := byNumber[n]; m != nil && !slices.Contains(m.reached, t) {
				m.reached = append(m.reached, t)
			}
		}
		return nil
	})
}

// quick is how long a test takes at most that runs before the others.
const quick = 500 * time.Millisecond

// first is how many of the quick tests run before all others.
const first = 8

// batches returns the tests in the order in which they run. First come quick tests that reach
// few mutants, because they are probably about this one. The slow tests come last.
func batches(tests []test) [][]test {
	tests = slices.SortedStableFunc(slices.Values(tests), func(a, b test) int { return cmp.Compare(a.reaches, b.reaches) })
	var fast, slow []test
	for _, t := range tests {
		if t.took <= quick {
			fast = append(fast, t)
		} else {
			slow = append(slow, t)
		}
	}
	n := min(first, len(fast))
	return slices.DeleteFunc([][]test{fast[:n], fast[n:], slow}, func(b []test) bool { return len(b) == 0 })
}

// try runs the tests that reach the mutant.
func (b *bench) try(ctx context.Context, m *mutant) error {
	if m.verdict = unreached; len(m.reached) == 0 {
		return nil
	}
	m.verdict = untried
	for _, bin := range b.binaries {
		for _, tests := range batches(slices.DeleteFunc(slices.Clone(m.reached), func(t test) bool { return t.binary != bin })) {
			timeout := 20 * time.Second
			for _, t := range tests {
				timeout += 4 * t.took
			}
			failed, err := b.run(ctx, tests, min(timeout, 2*time.Minute), "MUTANT="+strconv.Itoa(m.n))
			if err != nil {
				return err
			}
			if failed != "" {
				m.verdict, m.by = killed, failed
				return nil
			}
		}
	}
	m.verdict = survives
	return nil
}

// timeLimit is what notices a change that makes a test hang. On a busy machine it may also be
// a test that is only slow.
const timeLimit = "the time limit"

var failLine = regexp.MustCompile(`--- FAIL: (\S+)`)

// run runs tests of one binary until one fails, and says which.
//
// The changed code may do harm: kill(2) with a wrong number can mean all processes. So the
// tests run in a PID namespace of their own, which also ends everything that they leave, and
// with a limit of memory.
func (b *bench) run(ctx context.Context, tests []test, timeout time.Duration, env string) (failed string, err error) {
	var names []string
	for _, t := range tests {
		names = append(names, t.name)
	}
	tmp := filepath.Join(b.dir, fmt.Sprint("t", b.runs.Add(1)))
	if err := errors.Join(os.Mkdir(tmp, 0o777), os.Chmod(tmp, 0o777|os.ModeSticky)); err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	here, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	args := []string{"--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", `ulimit -v 8000000; "$@"; exit $?`, "sh",
		tests[0].binary.path, "-test.v", "-test.failfast", "-test.run", "^(" + strings.Join(names, "|") + ")$"}
	if os.Getuid() != 0 {
		args = append([]string{"--user", "--map-current-user"}, args...)
	}
	cmd := exec.CommandContext(here, "unshare", args...)
	cmd.Dir = tests[0].binary.dir
	cmd.Env = append(os.Environ(), env, "TMPDIR="+tmp)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return "", err
	}
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for failed == "" && lines.Scan() {
		if match := failLine.FindStringSubmatch(lines.Text()); match != nil {
			failed = match[1]
			cancel()
		}
	}
	err = cmd.Wait()
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case failed != "" || err == nil:
		return failed, nil
	case here.Err() != nil:
		return timeLimit, nil
	}
	return "a crash", nil
}
