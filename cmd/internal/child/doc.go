// Package child runs the command of a wrapper such as fsync-lock. From start to end:
//
//  1. At the start of the program, init functions make signals act as in a program
//     that is not written in Go (sigaction_linux.go), and check that the process may
//     have as many threads as Go needs (nproc_linux.go).
//  2. [Relay.OnMainThread] lets the main thread distinguish the terminal's signals
//     from others (mainthread_linux.go).
//  3. [Relay.Listen] begins to catch signals, [Relay.Ready] waits until they are
//     caught. Until the command runs, a signal ends this process (relay.go).
//  4. [Relay.Run] starts the command (process_*.go), and beside it a probe, which tells
//     whether a signal to this process reached the command, too (probe_linux.go).
//     Then it waits for the command's end, and passes signals on to the command. At
//     the limit, if there is one, it sends TERM and KILL to the command and its
//     descendants (limit.go, descendants_linux.go).
//  5. [Relay.ExitLike] ends this process as the command ended, or [Relay.Again] makes
//     the relay ready for the next command.
//
// With [Relay.Become], instead of 4 and 5, the command replaces this process.
package child
