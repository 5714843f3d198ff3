# Completion of fsync-status for fish: put it into ~/.config/fish/completions.
complete -c fsync-status -l json -d 'Print JSON'
complete -c fsync-status -l watch -d 'Show it live on a terminal'
complete -c fsync-status -l held -d 'Exit with 0 if the file is held, and with 1 if not'
complete -c fsync-status -l report -d 'Print a page of the runs in journals'
complete -c fsync-status -l since -x -d 'Only runs after this time, with --report'
complete -c fsync-status -l until -x -d 'Only runs before this time, with --report'
complete -c fsync-status -s h -l help -d 'Print help'
complete -c fsync-status -s V -l version -d 'Print the version'
