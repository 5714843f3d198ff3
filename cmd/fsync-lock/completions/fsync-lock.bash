# Completion of fsync-lock for bash: put it into
# /usr/share/bash-completion/completions under the name fsync-lock.
_fsync_lock() {
	local cur prev i operands needs=1
	cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	COMPREPLY=()
	# Options end at the first operand, which is the file unless an option
	# names the lock; a command follows it.
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--name | --fd) needs=0; ((i++)) ;;
		--name=* | --fd=*) needs=0 ;;
		-w | --wait | --timeout | -E | --conflict-exit-code | -c | --command | --slots | --dir | --note | --max-runtime | --kill-after | --journal | --journal-max-size) ((i++)) ;;
		--) ((i++)); break ;;
		-*) ;;
		*) break ;;
		esac
	done
	operands=$((COMP_CWORD - i))
	if ((operands > needs)); then
		if declare -F _command_offset >/dev/null; then
			_command_offset $((i + needs))
		else
			compopt -o default
		fi
		return
	fi
	((operands == 0)) && case $prev in
	--dir) COMPREPLY=($(compgen -d -- "$cur")); return ;;
	--journal) compopt -o filenames; COMPREPLY=($(compgen -f -- "$cur")); return ;;
	-w | --wait | --timeout | -E | --conflict-exit-code | -c | --command | --slots | --name | --fd | --note | --max-runtime | --kill-after | --journal-max-size) return ;;
	esac
	if [[ $cur == -* ]] && ((operands == 0)); then
		COMPREPLY=($(compgen -W '-s --shared -x -e --exclusive -u --unlock
			-n --nonblock --nb --nonblocking -w --wait --timeout
			-E --conflict-exit-code --skip --slots --name --dir
			-c --command -o --close -F --no-fork --fd --env --note
			--max-runtime --kill-after --journal --journal-max-size --journal-no-args --verbose -h --help
			-V --version' -- "$cur"))
		return
	fi
	if ((operands == needs)); then
		COMPREPLY=($(compgen -c -- "$cur"))
		return
	fi
	compopt -o filenames
	COMPREPLY=($(compgen -f -- "$cur"))
}
complete -F _fsync_lock fsync-lock
