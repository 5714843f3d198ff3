package fsync_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
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
