package fsync_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The tables of docs/model.md name what there is in the models and in the code.
func TestModelNamesFunctions(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/model.md")
	name := regexp.MustCompile("`([^` ]+)`")
	model, rows := "", 0
	for line := range strings.Lines(page) {
		if heading := regexp.MustCompile(`^### .*\((model/\w+\.pml)\)`).FindStringSubmatch(line); heading != nil {
			model = read(t, "docs/"+heading[1])
		} else if strings.HasPrefix(line, "## ") {
			model = ""
		}
		cells := strings.Split(line, "|")
		if model == "" || len(cells) != 5 {
			continue
		}
		for _, n := range name.FindAllStringSubmatch(cells[2], -1) {
			if !regexp.MustCompile(`(proctype|inline|#define) ` + n[1] + `\b`).MatchString(model) {
				t.Errorf("the model has no %s: %s", n[1], line)
			}
		}
		var funcs map[string]bool
		for _, n := range name.FindAllStringSubmatch(cells[3], -1) {
			if strings.HasSuffix(n[1], ".go") {
				funcs = functions(t, n[1])
			} else if rows++; !funcs[n[1]] {
				t.Errorf("the file has no function %s: %s", n[1], line)
			}
		}
	}
	if rows < 50 {
		t.Errorf("%d names were checked", rows)
	}
}

// docs/reliability.md has the evidence for each promise of the README, and what it names exists.
func TestReliabilityNamesEvidence(t *testing.T) {
	t.Parallel()
	page := read(t, "docs/reliability.md")
	_, promises, _ := strings.Cut(read(t, "README.md"), "## What is promised\n")
	promises, _, _ = strings.Cut(promises, "\n## ")
	titles := regexp.MustCompile(`(?m)^- \*\*(.+?)\.?\*\*`).FindAllStringSubmatch(promises, -1)
	if len(titles) < 10 {
		t.Fatalf("promises: %q", titles)
	}
	for _, title := range titles {
		if !strings.Contains(page, "\n### "+title[1]+"\n") {
			t.Errorf("no evidence for %q", title[1])
		}
	}
	tests, files := evidence(t)
	for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(page, -1) {
		switch n := name[1]; {
		case strings.HasPrefix(n, "Test") && !tests[n]:
			t.Errorf("there is no test %s", n)
		case strings.HasSuffix(n, ".txtar") && !files[n], regexp.MustCompile(`^[a-z]+(-[a-z]+){2,}$`).MatchString(n) && !files[n+".patch"]:
			t.Errorf("there is no file for %s", n)
		}
	}
}

// evidence returns the names of all tests, and of all test scripts and patches.
func evidence(t *testing.T) (tests, files map[string]bool) {
	t.Helper()
	tests, files = map[string]bool{}, map[string]bool{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, "_test.go") {
			for name := range functions(t, path) {
				tests[name] = true
			}
		}
		files[filepath.Base(path)] = true
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests, files
}

func functions(t *testing.T, path string) map[string]bool {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, d := range f.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			names[f.Name.Name] = true
		}
	}
	return names
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
