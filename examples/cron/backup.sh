#!/bin/sh
# backup.sh DIRECTORY ARCHIVE: packs DIRECTORY into ARCHIVE.
#
# The script is its own lock file: it locks itself and runs itself again. If it is
# already running, it ends at once with exit status 1. Do not replace the script while
# it runs: the new file would be another lock.
self=$(readlink -f "$0") # the script itself, also if $0 is a symbolic link
[ "${LOCKER-}" = "$self" ] || exec env LOCKER="$self" fsync-lock -n "$self" "$self" "$@"

# From here on only one run is active: two would write the same ARCHIVE.part.
tar -C "$1" -cf "$2.part" . && mv "$2.part" "$2"
