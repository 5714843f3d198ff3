//go:build linux

package main

import (
	"context"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// mutantsOf returns the names of the mutants of a function body, without the file and the
// function.
func mutantsOf(t *testing.T, body string) (names []string, mutated string) {
	t.Helper()
	w := &mutator{fset: token.NewFileSet(), next: 1, names: map[string]int{}, file: "x.go"}
	w.src = "package x\n\nfunc f() (n int, err error) {\n" + body + "\n}\n"
	f, err := parser.ParseFile(w.fset, "x.go", w.src, 0)
	if err != nil {
		t.Fatal(err)
	}
	mutated = w.mutate(f)
	if _, err := parser.ParseFile(token.NewFileSet(), "x.go", mutated, 0); err != nil {
		t.Errorf("%v in %s", err, mutated)
	}
	for _, m := range w.made {
		names = append(names, strings.TrimPrefix(m.name, "x.go f: "))
	}
	return names, mutated
}

func TestMutants(t *testing.T) {
	for body, want := range map[string][]string{
		"if a && !b {}":                        {"a && !b is true", "a && !b is false", "a is true", "!b is true"},
		"if a || (b && c) {}":                  {"a || (b && c) is true", "a || (b && c) is false", "a is false", "b && c is false", "b is true", "c is true"},
		"if n < 5 {}":                          {"n < 5 is true", "n < 5 is false", "n < 5, or equal"},
		"if f() >= 5 {}":                       {"f() >= 5 is true", "f() >= 5 is false"},
		"for n > 0 { continue }":               {"n > 0 is false", "n > 0, or equal", "without continue"},
		"switch { case a: case b: }":           {"a is true", "a is false", "b is true", "b is false"},
		"switch n { case 1: n++ }":             {"without n++"},
		"return 1, err":                        {"err returns nil"},
		"return 1, nil":                        nil,
		"f(); g(1)":                            {"g(1) before f()", "without f()", "without g(1)"},
		"x := f(); g(x)":                       {"without g(x)"},
		"x := f(); g()":                        {"g() before x := f()", "without g()"},
		"mu.Lock(); defer mu.Unlock(); f()":    {"without f()"},
		"if a { f(); return 0, err }":          {"a is true", "a is false", "without f()", "no return if a", "err returns nil"},
		"go func() bool { return true }()":     {"without go func() bool { return true }()", "true is false"},
		"panic(1)":                             nil,
		"f(); f()":                             {"f() before f()", "without f()", "without f() (2)"},
		"const x = 1 < 2":                      nil,
		"select { case <-c: n = 1; default: }": {"without n = 1"},
	} {
		if got, mutated := mutantsOf(t, body); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q; %s", body, got, want, mutated)
		}
	}
}

// Quick tests that reach few mutants run before the others, and slow tests run last.
func TestBatches(t *testing.T) {
	var tests []test
	for i := range 20 {
		tests = append(tests, test{name: fmt.Sprint(i), reaches: 100 - i, took: time.Duration(i%2) * time.Second})
	}
	var got []string
	for _, batch := range batches(tests) {
		var names []string
		for _, t := range batch {
			names = append(names, t.name)
		}
		got = append(got, strings.Join(names, " "))
	}
	if want := []string{"18 16 14 12 10 8 6 4", "2 0", "19 17 15 13 11 9 7 5 3 1"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := batches(tests[1:2]); len(got) != 1 || len(batches(nil)) != 0 {
		t.Errorf("%v", got)
	}
}

// A sample has a guard that a test checks, one that no test checks, and one that no test runs.
const sample = `package sample

import "errors"

func Check(n int) error {
	if n < 0 {
		return errors.New("less than nothing")
	}
	if n > 9 {
		return errors.New("too much")
	}
	return nil
}

func Other(n int) bool { return n == 1 }
`

const sampleTest = `package sample

import "testing"

func TestCheck(t *testing.T) {
	if Check(1) != nil || Check(-1) == nil {
		t.Fatal("wrong")
	}
	Check(10)
}
`

// The survivors must be listed, and what is listed must be a mutant.
func TestSurvivors(t *testing.T) {
	if out, err := exec.Command("unshare", "--pid", "--fork", "--mount-proc", "true").CombinedOutput(); err != nil {
		t.Skipf("needs namespaces: %s", out)
	}
	dir := t.TempDir()
	list := filepath.Join(dir, "list")
	for name, text := range map[string]string{"go.mod": "module sample\n\ngo 1.25.0\n", "sample.go": sample, "sample_test.go": sampleTest} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	survivors := []string{
		"sample.go Check: n < 0, or equal", // 0 is not tried, so no test reaches it
		"sample.go Check: n > 9 is false",
		`sample.go Check: errors.New("too much") returns nil`,
	}
	for _, c := range []struct {
		listed []string
		status int
		says   string
	}{
		{nil, 1, "SURVIVES: " + survivors[1]},
		{survivors[1:], 0, ".: 10 changes: 4 noticed, 0 of them by the time limit, 2 survive, 4 in code that no test reaches, 0 not tried"},
		{append([]string{"sample.go Check: n < 0 is true"}, survivors[1:]...), 0, "noticed: sample.go Check: n < 0 is true"},
		{append([]string{"sample.go Check: n < 1 is true"}, survivors[1:]...), 1, "NO SUCH CHANGE: sample.go Check: n < 1 is true"},
	} {
		if err := os.WriteFile(list, []byte("# a reason\n"+strings.Join(c.listed, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
		var out, errs strings.Builder
		status := run(context.Background(), []string{"-root", dir, "-list", list, "."}, &out, &errs)
		if status != c.status || !strings.Contains(out.String(), c.says) {
			t.Errorf("status %d, %s%s", status, &out, &errs)
		}
	}
}
