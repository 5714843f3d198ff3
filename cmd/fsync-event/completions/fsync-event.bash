# Completion of fsync-event for bash: put it into
# /usr/share/bash-completion/completions under the name fsync-event.
_fsync_event() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} i options
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W 'set clear is-set info wait run -h --help -V --version' -- "$cur")
		return
	fi
	if [[ $verb == run ]]; then # a command follows its options
		for ((i = 2; i < COMP_CWORD; i++)); do
			case ${COMP_WORDS[i]} in
			-w | --timeout | --max-age | --when | --set | --dir | --note | --journal | --journal-max-size) ((i++)) ;;
			--) ((i++)); break ;;
			-*) ;;
			*) break ;;
			esac
		done
		if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
			_command_offset "$i"
			return
		fi
		if ((i < COMP_CWORD)); then
			compopt -o default 2>/dev/null
			return
		fi
	fi
	case $prev in
	--dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
	--when | --set | --journal) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-w | --timeout | --max-age | --name | --note | --journal-max-size) return ;;
	esac
	case $verb in
	set) options='--name --dir --note' ;;
	clear | is-set) options='--name --dir' ;;
	info) options='--name --dir --json' ;;
	wait) options='--name --dir -w --timeout --max-age -q --quiet --any --cleared --take' ;;
	run) options='--when --set --each --dir --note -w --timeout --max-age -q --quiet --take --journal --journal-max-size --journal-no-args' ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options -h --help -V --version" -- "$cur")
	elif [[ $verb == run ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	else
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	fi
}
complete -F _fsync_event fsync-event
