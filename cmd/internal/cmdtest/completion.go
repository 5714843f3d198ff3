package cmdtest

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A Completion is a line that the user wants completed, a text that the answer must
// have, and one that it must not have; empty = none.
type Completion [3]string

// Complete tests the completions of a program, which are in the folder completions, in
// each shell. In zsh the line is typed as by a user, so a word with several completions
// stays as it is.
func Complete(t *testing.T, program string, completions map[string][]Completion) {
	for shell, script := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip(err)
			}
			args := []string{"-c", script, shell, program}
			for _, c := range completions[shell] {
				args = append(args, c[0])
			}
			ctx, cancel := context.WithTimeout(t.Context(), testproc.Patience)
			defer cancel()
			out, err := exec.CommandContext(ctx, shell, args...).CombinedOutput()
			answers := strings.SplitAfter(string(out), "==\n")
			if err != nil || len(completions[shell]) == 0 || len(answers) != len(completions[shell])+1 {
				t.Fatalf("%d lines to try: %v: %q", len(completions[shell]), err, out)
			}
			for i, c := range completions[shell] {
				line, want, not := c[0], c[1], c[2]
				if !strings.Contains(answers[i], want) || not != "" && strings.Contains(answers[i], not) {
					t.Errorf("%s\nsaid %q, want %q, not %q", line, answers[i], want, not)
				}
			}
		})
	}
}

// shells has a script for each shell. It prints the completion of each line, and then
// a line ==.
var shells = map[string]string{
	"bash": `compopt() { :; }
. completions/$1.bash
for line in "${@:2}"; do
	read -ra COMP_WORDS <<<"$line"
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMPREPLY=()
	_${1//-/_}
	printf '%s\n' "${COMPREPLY[@]}" ==
done`,

	"fish": `source completions/$argv[2].fish
for line in $argv[3..]
	complete -C $line
	echo ==
end`,

	"zsh": `zmodload zsh/zpty
zpty shell TERM=dumb zsh -f -i
zpty -w shell $'PS1= RPS1= KEYTIMEOUT=1; unsetopt zle_bracketed_paste prompt_cr; fpath=(completions $fpath); autoload -Uz compinit; compinit -D -u; show() { print -r -- "<$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^X" show; print re""ady'
zpty -r shell said '*ready*'
for line in "${@:2}"; do
	zpty -w -n shell "$line"$'\t\x18'
	zpty -r shell said '*<*>*'
	print -rl -- "${${said##*<}%%>*}" "=="
done`,
}
