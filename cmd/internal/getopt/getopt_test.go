package getopt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/getopt"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, set, operands, err string }{
		{args: ""},
		{args: "file command -n --", operands: "file command -n --"},
		{args: "-n file -n", set: "n", operands: "file -n"},
		{args: "-nx -w5 file", set: "n x w=5", operands: "file"},
		{args: "-nw 5 -- -x", set: "n w=5", operands: "-x"},
		{args: "-w -1 f", set: "w=-1", operands: "f"},
		{args: "--wait=5 --nb --nonblocking f", set: "w=5 n n", operands: "f"},
		{args: "--timeout 5 --nonb f", set: "w=5 n", operands: "f"},
		{args: "--n f", set: "n", operands: "f"},
		{args: "--name= f", set: "name=", operands: "f"},
		{args: "--next f", set: "next", operands: "f"},
		{args: "--nex f", err: "unknown option --nex"},
		{args: "- f", operands: "- f"},
		{args: "--no f", err: "option --no is ambiguous: --nonblock, --note"},
		{args: "--no=f", err: "option --no is ambiguous: --nonblock, --note"},
		{args: "-q", err: "unknown option -q"},
		{args: "-é", err: "unknown option -é"},
		{args: "-nq f", set: "n", err: "unknown option -q"},
		{args: "--quiet f", err: "unknown option --quiet"},
		{args: "--nb=1 f", err: "option --nb takes no argument"},
		{args: "-w", err: "option -w needs an argument: SECONDS"},
		{args: "--wait", err: "option --wait needs an argument: SECONDS"},
		{args: "-w bad f", err: "option -w: bad"},
		{args: "--wait bad f", err: "option --wait: bad"},
	} {
		var set []string
		note := func(name string) func(string) error {
			return func(arg string) error {
				if arg == "bad" {
					return errors.New("bad")
				}
				if arg != "" || name == "name" {
					arg = "=" + arg
				}
				set = append(set, name+arg)
				return nil
			}
		}
		options := []getopt.Option{
			{Short: "n", Long: []string{"nonblock", "nb", "nonblocking", "n"}, Set: note("n")},
			{Short: "xe", Long: []string{"exclusive"}, Set: note("x")},
			{Short: "w", Long: []string{"wait", "timeout"}, Arg: "SECONDS", Set: note("w")},
			{Long: []string{"name"}, Arg: "NAME", Set: note("name")},
			{Long: []string{"note"}, Arg: "TEXT", Set: note("note")},
			{Long: []string{"next"}, Whole: true, Set: note("next")},
		}
		operands, err := getopt.Parse(strings.Fields(c.args), options)
		got := fmt.Sprint(err)
		if err == nil {
			got = ""
		}
		if got != c.err || !slices.Equal(set, strings.Fields(c.set)) || !slices.Equal(operands, strings.Fields(c.operands)) {
			t.Errorf("%q: set %v, operands %v, error %q", c.args, set, operands, got)
		}
	}
}

// In ParseMixed, only a "--" that is no argument of an option ends the options.
func TestParseMixed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ args, set, operands string }{
		{"", "", ""},
		{"a -n b", "n", "a b"},
		{"a -n -- -n", "n", "a -n"},
		{"-w -- a -n", "w=-- n", "a"},
		{"a --wait -- -n b -- -n --", "w=-- n", "a b -n --"},
	} {
		var set []string
		operands, err := getopt.ParseMixed(strings.Fields(c.args), []getopt.Option{
			{Short: "n", Set: func(string) error { set = append(set, "n"); return nil }},
			{Short: "w", Long: []string{"wait"}, Arg: "SECONDS", Set: func(arg string) error { set = append(set, "w="+arg); return nil }},
		})
		if err != nil || !slices.Equal(set, strings.Fields(c.set)) || !slices.Equal(operands, strings.Fields(c.operands)) {
			t.Errorf("%q: set %v, operands %v, %v", c.args, set, operands, err)
		}
	}
}
