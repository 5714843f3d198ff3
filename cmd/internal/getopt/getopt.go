// Package getopt reads command lines as getopt_long(3) does with a leading
// "+": options end at the first operand, short options can be bundled, long options
// abbreviated. No other package for Go does all three, as flock(1) does.
package getopt

import (
	"fmt"
	"slices"
	"strings"
)

// An Option is an option. All its names mean the same.
type Option struct {
	Short string   // one-letter names: "xe"
	Long  []string // long names without dashes
	Arg   string   // the name of its argument in the help; empty = none
	Whole bool     // its long names cannot be abbreviated
	Set   func(arg string) error
}

// Parse sets the options at the beginning of args and returns the operands after
// them.
func Parse(args []string, options []Option) (operands []string, err error) {
	operands, _, err = parse(args, options)
	return operands, err
}

// parse is Parse. It also reports whether a "--" has ended the options.
func parse(args []string, options []Option) (operands []string, ended bool, err error) {
	for len(args) > 0 {
		arg := args[0]
		switch {
		case arg == "--":
			return args[1:], true, nil
		case strings.HasPrefix(arg, "--"):
			args, err = long(arg[2:], args[1:], options)
		case len(arg) > 1 && arg[0] == '-':
			args, err = short(arg[1:], args[1:], options)
		default:
			return args, false, nil
		}
		if err != nil {
			return nil, false, err
		}
	}
	return nil, false, nil
}

// ParseMixed is Parse for options that may stand among the operands. After "--" all
// words are operands.
func ParseMixed(args []string, options []Option) (operands []string, err error) {
	for {
		rest, ended, err := parse(args, options)
		switch {
		case err != nil:
			return nil, err
		case ended || len(rest) == 0:
			return append(operands, rest...), nil
		}
		operands, args = append(operands, rest[0]), rest[1:]
	}
}

func long(arg string, rest []string, options []Option) ([]string, error) {
	name, value, hasValue := strings.Cut(arg, "=")
	o, err := find(name, options)
	if err != nil {
		return nil, err
	}
	name = "--" + name
	switch {
	case o.Arg == "" && hasValue:
		return nil, fmt.Errorf("option %s takes no argument", name)
	case o.Arg != "" && !hasValue:
		if len(rest) == 0 {
			return nil, fmt.Errorf("option %s needs an argument: %s", name, o.Arg)
		}
		value, rest = rest[0], rest[1:]
	}
	return rest, set(o, name, value)
}

// find returns the option with this long name. The name may be abbreviated.
func find(name string, options []Option) (Option, error) {
	var found []Option
	var names []string
	for _, o := range options {
		if slices.Contains(o.Long, name) {
			return o, nil
		}
		i := slices.IndexFunc(o.Long, func(l string) bool { return strings.HasPrefix(l, name) })
		if i >= 0 && !o.Whole {
			found, names = append(found, o), append(names, "--"+o.Long[i])
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Option{}, fmt.Errorf("unknown option --%s", name)
	}
	return Option{}, fmt.Errorf("option --%s is ambiguous: %s", name, strings.Join(names, ", "))
}

func short(letters string, rest []string, options []Option) ([]string, error) {
	for i, letter := range letters {
		j := slices.IndexFunc(options, func(o Option) bool { return strings.ContainsRune(o.Short, letter) })
		if j < 0 {
			return nil, fmt.Errorf("unknown option -%c", letter)
		}
		o, name := options[j], "-"+string(letter)
		if o.Arg == "" {
			if err := set(o, name, ""); err != nil {
				return nil, err
			}
			continue
		}
		value := letters[i+len(string(letter)):]
		if value == "" {
			if len(rest) == 0 {
				return nil, fmt.Errorf("option %s needs an argument: %s", name, o.Arg)
			}
			value, rest = rest[0], rest[1:]
		}
		return rest, set(o, name, value)
	}
	return rest, nil
}

func set(o Option, name, value string) error {
	if err := o.Set(value); err != nil {
		return fmt.Errorf("option %s: %w", name, err)
	}
	return nil
}
