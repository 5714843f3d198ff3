//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"
)

// roleVar is set in a process that this program has started to play a role.
const roleVar = "FSYNC_BENCH_ROLE"

// A role is what such a process does with a peer's lock or event on a path.
type role func(peer, path string, args []string) error

func roles() map[string]role {
	return map[string]role{
		"hold":             holdLock,
		"wait":             waitForLock,
		"alternate":        takeTurns,
		"uncontended":      acquireInLoop,
		"contend":          contendForLock,
		"contend-slots":    contendForSlots,
		"read":             readInLoop,
		"write":            writeInLoop,
		"crowd":            waitInCrowd,
		"deadline":         timeOutWaits,
		"cancel":           cancelOneByOne,
		"cancel-and-count": cancelAndCount,
		"leftover-files":   checkLeftoverFiles,
		"wait-and-cancel":  waitAndCancel,
		"spin":             spin,
		"set":              setAndClear,
		"await":            waitForEvent,
		"append":           appendToLog,
		"inotify-limit":    limitInotify,
		"wake-set":         setForWaiter,
		"wake-wait":        waitForSetter,
		"fanout":           waitInGoroutines,
		"many":             waitForMany,
		"take":             takeInLoop,
	}
}

func isRole() bool { return os.Getenv(roleVar) != "" }

func playRole(args []string) (status int) {
	if len(args) < 3 || roles()[args[0]] == nil {
		fmt.Fprintln(os.Stderr, "no such role:", args)
		return 2
	}
	if err := roles()[args[0]](args[1], args[2], args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// input has the lines that the bench sends to a role.
var input = bufio.NewReader(os.Stdin)

// holdLock holds the lock until its input ends.
func holdLock(peer, path string, _ []string) error {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	if err := l.acquire(); err != nil {
		return err
	}
	fmt.Println("held")
	if _, err := io.Copy(io.Discard, input); err != nil {
		return err
	}
	return l.release()
}

// waitForLock acquires and releases the lock for each line of its input, and
// prints the time of the acquisition.
func waitForLock(peer, path string, _ []string) error {
	l, err := newPeerLock(peer, path, false)
	if err != nil {
		return err
	}
	for {
		if _, err := input.ReadString('\n'); err != nil {
			return nil
		}
		fmt.Println("waiting")
		if err := l.acquire(); err != nil {
			return err
		}
		acquired := now()
		if err := l.release(); err != nil {
			return err
		}
		fmt.Println(acquired)
	}
}

// numberArgs parses the arguments of a role, which are numbers.
func numberArgs(args []string, into ...*int64) error {
	if len(args) != len(into) {
		return fmt.Errorf("got %q instead of %d numbers", args, len(into))
	}
	for i, arg := range args {
		n, err := strconv.ParseInt(arg, 10, 64)
		if err != nil {
			return err
		}
		*into[i] = n
	}
	return nil
}

func sleep(ns int64) { time.Sleep(time.Duration(ns)) }

// printTimes prints each time on a line.
func printTimes(times []int64) error {
	for _, t := range times {
		if _, err := fmt.Println(t); err != nil {
			return err
		}
	}
	return nil
}
