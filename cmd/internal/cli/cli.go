// Package cli has what the commands of this module share: printing messages, --help
// and --version, reading the values of options, and exit statuses.
package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/fsync-lock/fsync/cmd/internal/getopt"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/printable"
)

// A Program is the name that a command was called by. Its messages begin with it.
type Program string

// Complain prints a message on stderr.
func (p Program) Complain(message string) {
	text := printable.Lines(string(p) + ": " + message)
	if !term.UTF8() {
		text = strings.ReplaceAll(text, "…", "...") // the end of a shortened text
	}
	Say(os.Stderr, text+"\n")
}

// Fail prints an error on stderr and returns the exit status.
func (p Program) Fail(status int, err error) int {
	p.Complain(err.Error())
	return status
}

// Refuse prints the error of a command line and returns the exit status. --help and
// --version are such errors, too; their text goes to stdout.
func (p Program) Refuse(err error) int {
	var text answer
	var own statusError
	switch {
	case errors.As(err, &text):
		if _, err := fmt.Print(string(text)); err != nil {
			return p.Fail(ExitOutput, err)
		}
		return 0
	case errors.As(err, &own):
		return p.Fail(own.status, err)
	}
	return p.Fail(ExitUsage, fmt.Errorf("%w\nTry '%s --help' for more information.", err, p))
}

// An answer is the error of a command line with --help or --version: the text to print.
type answer string

func (answer) Error() string { return "there is only a text to print" }

// Options returns the options --help and --version. name is the command's own name;
// help is a Printf format for the name that it was called by.
func (p Program) Options(name, help string) []getopt.Option {
	answers := func(text string) func(string) error {
		return func(string) error { return answer(text) }
	}
	return []getopt.Option{
		{Short: "h", Long: []string{"help"}, Set: answers(fmt.Sprintf(help, p))},
		{Short: "V", Long: []string{"version"}, Set: answers(versionLine(name))},
	}
}
