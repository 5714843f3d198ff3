package getopt_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/cmd/internal/getopt"
)

// A reading is how a command line was read: the options in their order, each as its index
// and its argument, then "--" and the operands.
type reading struct {
	words []string
	right bool
}

func (r *reading) add(option int, arg string) {
	r.words = append(r.words, fmt.Sprintf("%d=%s", option, arg))
}

// FuzzParse compares Parse and ParseMixed with getopt_long(3) of the GNU C library. table
// has the options: "nx name other" are two letters and two long names of one option, and
// with "=" at the end the option has an argument. The words of the command line are
// between spaces.
func FuzzParse(f *testing.F) {
	const table = "n nonblock nb nonblocking,xe exclusive,w wait timeout=, name=, note=,F no-fork,s shared"
	for _, line := range []string{
		"", "file command -n --", "-n file -n", "-nx -w5 file", "-nw 5 -- -x", "-w -1 f", "--wait=5 --nb --nonblocking f", "--timeout 5 --nonb f", "--name= f",
		"- f", "--no f", "--non f", "--n=1", "-q", "-é", "-nq f", "--nb=1 f", "-w", "--wait", "--", "-- --", "--=x", "a -n -- b -- c", "a --name -- -n", "-w -- -n a", "-n- a", "-w= a", " -n",
	} {
		f.Add(table, false, line)
		f.Add(table, true, line)
	}
	f.Add("s set,t set-all=, settle", true, "--set --set-a --settl a --se")
	ask := startPeer(f)
	f.Fuzz(func(t *testing.T, table string, mixed bool, line string) {
		if strings.Contains(line, "\x00") || len(table) > 500 {
			return
		}
		var got reading
		options := optionsOf(table, &got)
		read, args := getopt.Parse, strings.Split(line, " ")
		if line == "" {
			args = nil
		}
		if mixed {
			read = getopt.ParseMixed
		}
		operands, err := read(args, options)
		got.right = err == nil
		if err != nil && operands != nil {
			t.Errorf("%q: both %q and %v", args, operands, err)
		}
		if got.right && !mixed && !slices.Equal(operands, args[len(args)-len(operands):]) {
			t.Errorf("%q: the operands are %q", args, operands)
		}
		if got.right {
			got.words = append(append(got.words, "--"), operands...)
			checkAgain(t, table, got, operands)
		}
		if want, ok := ask(t, mixed, options, args); ok && !(slices.Equal(got.words, want.words) && got.right == want.right) {
			t.Errorf("%q, %q: %+v, %v; getopt_long: %+v", table, args, got, err, want)
		}
	})
}

// checkAgain fails the test unless the same options and operands, written in another way,
// are read as the same: each option by its long name or letter, the argument with it, and
// "--" before the operands.
func checkAgain(t *testing.T, table string, want reading, operands []string) {
	t.Helper()
	var got reading
	options := optionsOf(table, &got)
	var args []string
	for _, word := range want.words[:len(want.words)-len(operands)-1] {
		var i int
		index, arg, _ := strings.Cut(word, "=")
		fmt.Sscan(index, &i)
		switch o := options[i]; {
		case len(o.Long) > 0 && o.Arg != "":
			args = append(args, "--"+o.Long[0]+"="+arg)
		case len(o.Long) > 0:
			args = append(args, "--"+o.Long[0])
		case o.Arg != "":
			args = append(args, "-"+o.Short[:1], arg)
		default:
			args = append(args, "-"+o.Short[:1])
		}
	}
	again, err := getopt.ParseMixed(slices.Concat(args, []string{"--"}, operands), options)
	if got.words = append(append(got.words, "--"), again...); err != nil || !slices.Equal(got.words, want.words) {
		t.Errorf("%q: %q, %v, want %q", args, got.words, err, want.words)
	}
}

// optionsOf returns the options of a table. They add themselves to the reading. Names that
// are not of the form of a name, or that an option before has, are left out.
func optionsOf(table string, r *reading) []getopt.Option {
	const letters, more = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", "-_."
	seen := map[string]bool{}
	fresh := func(name, chars string) bool {
		ok := strings.Trim(name, chars) == "" && !seen[name]
		seen[name] = true
		return ok
	}
	var options []getopt.Option
	for row := range strings.SplitSeq(table, ",") {
		row, hasArg := strings.CutSuffix(row, "=")
		var o getopt.Option
		for j, name := range strings.Split(row, " ") {
			switch {
			case j > 0 && name != "" && fresh("-"+name, letters+more):
				o.Long = append(o.Long, name)
			case j == 0:
				for _, letter := range name {
					if fresh(string(letter), letters) {
						o.Short += string(letter)
					}
				}
			}
		}
		if hasArg {
			o.Arg = "ARG"
		}
		n := len(options)
		o.Set = func(arg string) error { r.add(n, arg); return nil }
		options = append(options, o)
	}
	return options
}

// startPeer starts testdata/peer.c. The function that it returns asks the peer; ok is
// false if there is none, because it cannot be compiled here.
func startPeer(f *testing.F) (ask func(t *testing.T, mixed bool, options []getopt.Option, args []string) (r reading, ok bool)) {
	path := filepath.Join(f.TempDir(), "peer")
	if out, err := exec.Command("gcc", "-O1", "-o", path, "testdata/peer.c").CombinedOutput(); err != nil {
		f.Logf("no comparison with getopt_long(3): %v %s", err, out)
		return func(*testing.T, bool, []getopt.Option, []string) (r reading, ok bool) { return r, false }
	}
	cmd := exec.Command(path)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { stdin.Close(); cmd.Wait() })
	answers := bufio.NewReader(stdout)
	return func(t *testing.T, mixed bool, options []getopt.Option, args []string) (r reading, ok bool) {
		if _, err := stdin.Write(request(mixed, options, args)); err != nil {
			t.Fatal(err)
		}
		if err := r.receive(answers); err != nil {
			t.Fatal(err)
		}
		return r, true
	}
}

func request(mixed bool, options []getopt.Option, args []string) (b []byte) {
	number := func(n int) { b = binary.NativeEndian.AppendUint32(b, uint32(n)) }
	flag := func(yes bool) {
		if yes {
			number(1)
		} else {
			number(0)
		}
	}
	text := func(s string) { number(len(s)); b = append(b, s...) }
	list := func(l []string) {
		number(len(l))
		for _, s := range l {
			text(s)
		}
	}
	flag(mixed)
	number(len(options))
	for _, o := range options {
		flag(o.Arg != "")
		text(o.Short)
		list(o.Long)
	}
	list(args)
	return b
}

// receive reads an answer of the peer.
func (r *reading) receive(from *bufio.Reader) error {
	number := func() (n uint32) { binary.Read(from, binary.NativeEndian, &n); return n }
	text := func() string {
		s := make([]byte, number())
		io.ReadFull(from, s)
		return string(s)
	}
	operands := []string{"--"}
	for {
		switch kind, err := from.ReadByte(); {
		case err != nil:
			return err
		case kind == 'o':
			i := int(number())
			r.add(i, text())
		case kind == 'a':
			operands = append(operands, text())
		default:
			if r.right = number() != 0; r.right {
				r.words = append(r.words, operands...)
			}
			return nil
		}
	}
}
