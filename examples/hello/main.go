// Hello starts ten processes. Each prints a line in two parts, between Acquire and Release
// of one [filelock.Lock], so lines are never mixed. If -with is given, the processes use
// With, which releases the lock even if the function panics.
//
//	go run ./examples/hello
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/fsync-lock/fsync/filelock"
)

func main() {
	path := flag.String("lock", filepath.Join(os.TempDir(), "hello.lock"), "lock `FILE`")
	with := flag.Bool("with", false, "use With")
	flag.Parse()
	lock, ctx := filelock.New(*path), context.Background()
	switch {
	case flag.NArg() == 0:
		startTen(os.Args[1:])
	case *with:
		check(lock.With(ctx, func(context.Context) error { return hello(flag.Arg(0)) }))
	default:
		check(lock.Acquire(ctx))
		check(hello(flag.Arg(0)))
		check(lock.Release())
	}
}

func hello(number string) error {
	fmt.Print("hello ")
	_, err := fmt.Println("world", number)
	return err
}

func startTen(options []string) {
	var processes [10]*exec.Cmd
	for n := range processes {
		cmd := exec.Command(os.Args[0], append(options, fmt.Sprint(n))...)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		check(cmd.Start())
		processes[n] = cmd
	}
	for _, cmd := range processes {
		check(cmd.Wait())
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
