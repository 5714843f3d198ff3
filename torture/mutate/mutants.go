//go:build linux

package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
	"time"
)

// A mutant is one change of the code:
//
//	"COND is true", "COND is false"   a condition, or an operand of && or ||, has that value
//	"without STATEMENT"               a call, assignment, break or continue is skipped
//	"A after B"                       two neighbouring calls change places
//	"A < B or equal", "... not equal" a bound is moved by one
//	"EXPR returns nil"                an error is not returned
//	"no return from if COND"          a return in a body with other statements is skipped
//
// All mutants of a package are compiled into one test binary. Each is a call of a function
// that prelude declares, and the environment variable MUTANT chooses one. Such a function
// also notes which tests reach the mutant: which run the code, and with a value that the
// mutant changes.
//
// Locks and unlocks of a mutex stay: that they are needed is for the race detector to say.
type mutant struct {
	n       int    // the number in MUTANT
	name    string // file and function, and what changes
	line    int
	verdict verdict
	by      string // what noticed it
	took    time.Duration
	reached []test
}

const prelude = `

var mutantNow, mutantNotes = func() (int, string) {
	n, _ := mutantstrconv.Atoi(mutantos.Getenv("MUTANT"))
	return n, mutantos.Getenv("MUTANT_NOTES")
}()
var mutantNoted mutantsync.Map

func mutantNote(n int) {
	if mutantNotes == "" {
		return
	}
	if _, noted := mutantNoted.LoadOrStore(n, true); noted {
		return
	}
	if f, err := mutantos.OpenFile(mutantNotes, mutantos.O_WRONLY|mutantos.O_APPEND, 0); err == nil {
		f.WriteString(mutantstrconv.Itoa(n) + "\n")
		f.Close()
	}
}

func mutantOn(n int) bool { mutantNote(n); return mutantNow == n }

func mutantIf(yes, no int, value bool) bool {
	if value {
		mutantNote(no)
	} else {
		mutantNote(yes)
	}
	return mutantNow == yes || value && mutantNow != no
}

func mutantBound(n int, value, equal bool) bool { return value != (equal && mutantOn(n)) }

func mutantNil(n int, err error) error {
	if err != nil && mutantOn(n) {
		return nil
	}
	return err
}
`

// A mutator makes the mutants of one file.
type mutator struct {
	fset    *token.FileSet
	src     string
	file    string // relative to the root
	next    int    // the number of the next mutant
	made    []*mutant
	edits   []edit
	names   map[string]int
	in      string       // the function
	results []*ast.Ident // the types of its results; nil for a type that is not a name
}

// An edit inserts text at an offset.
type edit struct {
	at   int
	text string
}

// mutate returns the source with all mutants in it.
func (w *mutator) mutate(f *ast.File) string {
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
			w.in = d.Name.Name
			if d.Recv != nil {
				w.in = strings.Trim(w.text(d.Recv.List[0].Type), "*") + "." + w.in
			}
			w.function(d.Type, d.Body)
		}
	}
	slices.SortStableFunc(w.edits, func(a, b edit) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	done := 0
	for _, e := range w.edits {
		b.WriteString(w.src[done:e.at] + e.text)
		done = e.at
	}
	return b.String() + w.src[done:]
}

func (w *mutator) text(n ast.Node) string { return w.src[w.offset(n.Pos()):w.offset(n.End())] }

func (w *mutator) offset(p token.Pos) int { return w.fset.Position(p).Offset }

// short returns the text of a node on one line.
func (w *mutator) short(n ast.Node) string {
	words := strings.Join(strings.Fields(w.text(n)), " ")
	if r := []rune(words); len(r) > 100 {
		words = string(r[:100]) + "..."
	}
	return words
}

// add adds a mutant and returns its number. The format has a %s for each node.
func (w *mutator) add(format string, nodes ...ast.Node) int {
	var texts []any
	for _, n := range nodes {
		texts = append(texts, w.short(n))
	}
	name := fmt.Sprintf("%s %s: ", w.file, w.in) + fmt.Sprintf(format, texts...)
	if w.names[name]++; w.names[name] > 1 {
		name = fmt.Sprintf("%s (%d)", name, w.names[name])
	}
	w.made = append(w.made, &mutant{n: w.next, name: name, verdict: untried, line: w.fset.Position(nodes[0].Pos()).Line})
	w.next++
	return w.next - 1
}

// wrap puts text around a node. Meanwhile inside makes the mutants in the node.
func (w *mutator) wrap(n ast.Node, before, after string, inside func()) {
	w.edits = append(w.edits, edit{w.offset(n.Pos()), before})
	inside()
	w.edits = append(w.edits, edit{w.offset(n.End()), after})
}

func (w *mutator) function(t *ast.FuncType, body *ast.BlockStmt) {
	outer := w.results
	w.results = nil
	if t.Results != nil {
		for _, field := range t.Results.List {
			id, _ := field.Type.(*ast.Ident)
			for range max(len(field.Names), 1) {
				w.results = append(w.results, id)
			}
		}
	}
	w.list(body.List)
	w.results = outer
}

// walk makes the mutants in a node.
func (w *mutator) walk(n ast.Node) { ast.Inspect(n, w.visit) }

func (w *mutator) visit(n ast.Node) (deeper bool) {
	switch n := n.(type) {
	case *ast.FuncLit:
		w.function(n.Type, n.Body)
	case *ast.BlockStmt:
		w.list(n.List)
	case *ast.CaseClause:
		for _, e := range n.List {
			w.walk(e)
		}
		w.list(n.Body)
	case *ast.CommClause:
		if n.Comm != nil {
			w.walk(n.Comm)
		}
		w.list(n.Body)
	case *ast.SwitchStmt:
		w.switches(n)
	case *ast.IfStmt:
		w.ifs(n)
	case *ast.ForStmt:
		w.fors(n)
	case *ast.ReturnStmt:
		w.returns(n)
	case *ast.GenDecl:
		return n.Tok != token.CONST
	case ast.Expr:
		if !isBool(n) {
			return true
		}
		w.condition(n, true, true)
	default:
		return true
	}
	return false
}

var comparisons = []token.Token{token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ}

// isBool reports whether the expression is certainly a bool.
func isBool(e ast.Expr) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		return e.Op == token.LAND || e.Op == token.LOR || slices.Contains(comparisons, e.Op)
	case *ast.UnaryExpr:
		return e.Op == token.NOT
	}
	return false
}

// condition makes the mutants of a condition: with yes it is true, with no it is false.
func (w *mutator) condition(e ast.Expr, yes, no bool) {
	e = ast.Unparen(e)
	y, n := -1, -1
	if yes {
		y = w.add("%s is true", e)
	}
	if no {
		n = w.add("%s is false", e)
	}
	w.wrap(e, fmt.Sprintf("mutantIf(%d, %d, ", y, n), ")", func() { w.operands(e) })
}

// operands makes the mutants of the parts of a condition, as far as they differ from those
// of the whole.
func (w *mutator) operands(e ast.Expr) {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		switch {
		case e.Op == token.LAND, e.Op == token.LOR:
			w.condition(e.X, e.Op == token.LAND, e.Op == token.LOR)
			w.condition(e.Y, e.Op == token.LAND, e.Op == token.LOR)
		case bounds[e.Op] != "" && isPlain(e.X) && isPlain(e.Y):
			n := w.add("%s "+e.Op.String()+" %s, "+bounds[e.Op], e.X, e.Y)
			w.wrap(e, fmt.Sprintf("mutantBound(%d, ", n), fmt.Sprintf(", %s == %s)", w.text(e.X), w.text(e.Y)), func() {})
		default:
			w.walk(e.X)
			w.walk(e.Y)
		}
	case *ast.UnaryExpr:
		w.operands(e.X)
	case *ast.CallExpr:
		for _, arg := range e.Args {
			w.walk(arg)
		}
	}
}

var bounds = map[token.Token]string{
	token.LSS: "or equal", token.GTR: "or equal", token.LEQ: "not equal", token.GEQ: "not equal",
}

// isPlain reports whether an expression has no effect, so that it can be evaluated twice.
func isPlain(e ast.Expr) bool {
	return !contains(e, func(n ast.Node) bool {
		call, isCall := n.(*ast.CallExpr)
		_, isUnary := n.(*ast.UnaryExpr)
		return isUnary || isCall && nameOf(call.Fun) != "len"
	})
}

func contains(n ast.Node, is func(ast.Node) bool) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		found = found || n != nil && is(n)
		return !found
	})
	return found
}

// nameOf returns the last part of a name such as q.mu.Lock.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

func (w *mutator) switches(s *ast.SwitchStmt) {
	if s.Init != nil {
		w.walk(s.Init)
	}
	if s.Tag != nil {
		w.walk(s.Tag)
		w.list(s.Body.List)
		return
	}
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			w.condition(e, true, true)
		}
		w.list(c.(*ast.CaseClause).Body)
	}
}

func (w *mutator) ifs(s *ast.IfStmt) {
	if s.Init != nil {
		w.walk(s.Init)
	}
	w.condition(s.Cond, true, true)
	last := len(s.Body.List) - 1
	var exit *ast.ReturnStmt
	if last > 0 && s.Else == nil {
		exit, _ = s.Body.List[last].(*ast.ReturnStmt)
	}
	if exit == nil {
		w.walk(s.Body)
	} else {
		w.list(s.Body.List[:last])
		n := w.add("no return if %s", s.Cond)
		w.wrap(exit, fmt.Sprintf("if !mutantOn(%d) { ", n), " }", func() { w.returns(exit) })
	}
	if s.Else != nil {
		w.walk(s.Else)
	}
}

func (w *mutator) fors(s *ast.ForStmt) {
	if s.Init != nil {
		w.walk(s.Init)
	}
	if s.Cond != nil {
		w.condition(s.Cond, false, true) // a loop that does not end would only take time
	}
	if s.Post != nil {
		w.walk(s.Post)
	}
	w.walk(s.Body)
}

func (w *mutator) returns(s *ast.ReturnStmt) {
	for i, e := range s.Results {
		name, result := nameOf(e), ""
		if len(s.Results) == len(w.results) && w.results[i] != nil {
			result = w.results[i].Name
		}
		switch {
		case result == "bool" && (name == "true" || name == "false"):
			w.condition(e, name == "false", name == "true")
		case result == "error" && name != "nil":
			n := w.add("%s returns nil", e)
			w.wrap(e, fmt.Sprintf("mutantNil(%d, ", n), ")", func() { w.walk(e) })
		default:
			w.walk(e)
		}
	}
}

// list makes the mutants of the statements of a block.
func (w *mutator) list(list []ast.Stmt) {
	before := -1 // the number of the mutant that has run this statement before the last one
	for i, s := range list {
		runs := "mutantNow != " + fmt.Sprint(before)
		if before = -1; i+1 < len(list) && canSwap(s, list[i+1]) {
			before = w.add("%[2]s before %[1]s", s, list[i+1])
			w.edits = append(w.edits, edit{w.offset(s.Pos()), fmt.Sprintf("if mutantOn(%d) { %s }; ", before, w.text(list[i+1]))})
		}
		if !canSkip(s) {
			w.walk(s)
			continue
		}
		n := w.add("without %s", s)
		w.wrap(s, fmt.Sprintf("if !mutantOn(%d) && %s { ", n, runs), " }", func() { w.walk(s) })
	}
}

// canSkip reports whether the code can be compiled, and means something, without a statement.
func canSkip(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, isCall := s.X.(*ast.CallExpr)
		return isCall && nameOf(call.Fun) != "panic" && !isMutex(call)
	case *ast.DeferStmt:
		return !isMutex(s.Call)
	case *ast.AssignStmt:
		return s.Tok != token.DEFINE
	case *ast.BranchStmt:
		return s.Tok == token.BREAK || s.Tok == token.CONTINUE
	case *ast.GoStmt, *ast.SendStmt, *ast.IncDecStmt:
		return true
	}
	return false
}

func isMutex(call *ast.CallExpr) bool {
	return len(call.Args) == 0 && slices.Contains([]string{"Lock", "Unlock", "RLock", "RUnlock"}, nameOf(call.Fun))
}

// canSwap reports whether b can run before a, and that makes a difference.
func canSwap(a, b ast.Stmt) bool {
	assign, isAssign := a.(*ast.AssignStmt)
	if !canSkip(a) && !isAssign || !canSkip(b) || !calls(a) || !calls(b) {
		return false
	}
	return !isAssign || !contains(b, func(n ast.Node) bool {
		id, isName := n.(*ast.Ident)
		return isName && slices.ContainsFunc(assign.Lhs, func(e ast.Expr) bool { return nameOf(e) == id.Name })
	})
}

func calls(s ast.Stmt) bool {
	return contains(s, func(n ast.Node) bool { _, is := n.(*ast.CallExpr); return is })
}
