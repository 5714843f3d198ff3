package cmdtest

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A Completion is a line that the user of a shell asks for more of, what is to
// be in the answer, and what is not; empty is no matter.
type Completion [3]string

// Complete tries the completions of a program, which are in the folder
// completions, in each of the shells that have them. In zsh, which is typed
// into as by a user, a word that can go on in several ways stays as it is.
func Complete(t *testing.T, program string, completions map[string][]Completion) {
	for shell, script := range shells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell); err != nil {
				t.Skip(err)
			}
			if len(completions[shell]) == 0 {
				t.Error("nothing to try")
			}
			for _, c := range completions[shell] {
				line, want, not := c[0], c[1], c[2]
				ctx, cancel := context.WithTimeout(t.Context(), testproc.Patience)
				out, err := exec.CommandContext(ctx, shell, "-c", script, shell, program, line).CombinedOutput()
				cancel()
				if err != nil || !strings.Contains(string(out), want) || not != "" && strings.Contains(string(out), not) {
					t.Errorf("%s\nsaid %q, %v, want %q, not %q", line, out, err, want, not)
				}
			}
		})
	}
}

// shells has a script for each shell that prints what it makes of a line.
var shells = map[string]string{
	"bash": `compopt() { :; }
. completions/$1.bash
read -ra COMP_WORDS <<<"$2"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_${1//-/_}
printf '%s\n' "${COMPREPLY[@]}"`,

	"fish": `source completions/$argv[2].fish
complete -C $argv[3]`,

	"zsh": `zmodload zsh/zpty
zpty shell TERM=dumb zsh -f -i
zpty -w shell $'PS1= RPS1=; unsetopt zle_bracketed_paste prompt_cr; fpath=(completions $fpath); autoload -Uz compinit; compinit -D -u; show() { print -r -- "<$BUFFER>"; BUFFER=; }; zle -N show; bindkey "^X" show; print re""ady'
zpty -r shell said '*ready*'
zpty -w -n shell "$2"$'\t\x18'
zpty -r shell said '*<*>*'
print -r -- "${${said##*<}%%>*}"`,
}
