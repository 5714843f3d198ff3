package cmdtest

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/fsync-lock/fsync/cmd/internal/cli"
	"github.com/fsync-lock/fsync/cmd/internal/getopt"
)

// A Grammar says how a command line is read.
type Grammar struct {
	Options []getopt.Option
	Mixed   bool       // options may stand among the operands
	Ordered [][]string // options whose order matters, by their first long names
}

// Respell writes a command line in another way that means the same: options have other
// names, abbreviations, places and forms of their arguments, short options are combined,
// and "--" may end them. The number chooses the way. ok is false if the command line has
// an option that is not in the table.
func (g Grammar) Respell(args []string, way uint64) (again []string, ok bool) {
	queues := map[string][][]string{} // options whose order matters are in one queue
	var keys []string
	rng := rand.New(rand.NewPCG(way, 0))
	options := slices.Clone(g.Options)
	for i, o := range options {
		key := g.queueOf(o)
		options[i].Set = func(arg string) error {
			if queues[key] == nil {
				keys = append(keys, key)
			}
			queues[key] = append(queues[key], g.spell(o, arg, rng))
			return nil
		}
	}
	read := getopt.Parse
	if g.Mixed {
		read = getopt.ParseMixed
	}
	operands, err := read(args, options)
	if err != nil {
		return nil, false
	}
	var words [][]string
	for len(keys) > 0 {
		i := rng.IntN(len(keys))
		queue := queues[keys[i]]
		words = append(words, queue[0])
		if queues[keys[i]] = queue[1:]; len(queue) == 1 {
			keys = slices.Delete(keys, i, i+1)
		}
	}
	return g.place(combined(words, rng), operands, rng), true
}

// queueOf returns a text that is the same for options whose order matters.
func (g Grammar) queueOf(o getopt.Option) string {
	name := nameOf(o)
	for _, names := range g.Ordered {
		if slices.Contains(names, name) {
			return names[0]
		}
	}
	return name
}

func nameOf(o getopt.Option) string {
	if len(o.Long) > 0 {
		return o.Long[0]
	}
	return o.Short
}

// spell returns one of the ways to write an option.
func (g Grammar) spell(o getopt.Option, arg string, rng *rand.Rand) []string {
	var names []string
	for _, letter := range o.Short {
		names = append(names, "-"+string(letter))
	}
	for _, long := range o.Long {
		names = append(names, "--"+long)
		for n := 1; n < len(long) && !o.Whole; n++ {
			if g.means(long[:n], o) {
				names = append(names, "--"+long[:n])
			}
		}
	}
	name := names[rng.IntN(len(names))]
	switch isLong := strings.HasPrefix(name, "--"); {
	case o.Arg == "":
		return []string{name}
	case rng.IntN(2) == 0 || !isLong && arg == "":
		return []string{name, arg}
	case isLong:
		return []string{name + "=" + arg}
	}
	return []string{name + arg}
}

// means reports whether an abbreviation means this option and no other.
func (g Grammar) means(short string, o getopt.Option) bool {
	return !slices.ContainsFunc(g.Options, func(other getopt.Option) bool {
		return nameOf(other) != nameOf(o) && slices.ContainsFunc(other.Long, func(long string) bool {
			return long == short || !other.Whole && strings.HasPrefix(long, short)
		})
	})
}

// combined combines some short options with those before them.
func combined(words [][]string, rng *rand.Rand) (list [][]string) {
	isFlag := func(word []string) bool {
		return len(word) == 1 && len(word[0]) == 2 && word[0][0] == '-'
	}
	for i, word := range words {
		isShort := len(word[0]) >= 2 && word[0][0] == '-' && word[0][1] != '-'
		if i > 0 && isShort && isFlag(words[i-1]) && rng.IntN(2) == 0 {
			last := list[len(list)-1]
			list[len(list)-1] = append([]string{last[0] + word[0][1:]}, word[1:]...)
			continue
		}
		list = append(list, word)
	}
	return list
}

// place places the options before or, in a mixed grammar, among the operands.
func (g Grammar) place(words [][]string, operands []string, rng *rand.Rand) (args []string) {
	isOption := func(word string) bool { return len(word) > 1 && word[0] == '-' }
	first := 0 // the operands before it stand among the options
	if g.Mixed {
		if first = slices.IndexFunc(operands, isOption); first < 0 {
			first = len(operands)
		}
		first = rng.IntN(first + 1)
	}
	for i := 0; i < first || len(words) > 0; {
		if i < first && (len(words) == 0 || rng.IntN(2) == 0) {
			args = append(args, operands[i])
			i++
			continue
		}
		args = append(args, words[0]...)
		words = words[1:]
	}
	rest := operands[first:]
	if len(rest) > 0 && (g.Mixed && slices.ContainsFunc(rest, isOption) || isOption(rest[0])) || rng.IntN(2) == 0 {
		args = append(args, "--")
	}
	return append(args, rest...)
}

// CheckRefused fails the test unless the program refuses a command line as it must. The
// answer to --help or --version is printed on stdout, with status 0. Every other error is
// printed on stderr, on lines without control characters, with status 64 or another one that
// is allowed.
func CheckRefused(t *testing.T, p cli.Program, err error, allowed ...int) {
	t.Helper()
	stdout, stderr := redirected(t, &os.Stdout), redirected(t, &os.Stderr)
	status := p.Refuse(err)
	printed, complaint := stdout(), stderr()
	right := status == 0 && printed != "" && complaint == ""
	if status == cli.ExitUsage || slices.Contains(allowed, status) {
		right = printed == "" && strings.HasPrefix(complaint, string(p)+": ") && strings.HasSuffix(complaint, "\n")
	}
	if status == cli.ExitUsage {
		right = right && strings.HasSuffix(complaint, "\nTry '"+string(p)+" --help' for more information.\n")
	}
	if !right || strings.ContainsFunc(printed+complaint, func(r rune) bool { return r != '\n' && !unicode.IsGraphic(r) }) {
		t.Errorf("%v: exit status %d, %q, %q", err, status, printed, complaint)
	}
}

// redirected makes the file a temporary one, until the caller asks for its content.
func redirected(t *testing.T, to **os.File) (content func() string) {
	t.Helper()
	former := *to
	f, err := os.Create(filepath.Join(t.TempDir(), "output"))
	if err != nil {
		t.Fatal(err)
	}
	*to = f
	return func() string {
		*to = former
		f.Close()
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}
