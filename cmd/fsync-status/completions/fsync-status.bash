# Completion of fsync-status for bash: put it into
# /usr/share/bash-completion/completions under the name fsync-status.
_fsync_status() {
	local word=${COMP_WORDS[COMP_CWORD]}
	COMPREPLY=()
	if [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '--json --watch -a --all --held --report --since --until -h --help -V --version' -- "$word")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}
complete -F _fsync_status fsync-status
