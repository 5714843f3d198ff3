// Hello starts ten processes that say hello, one at a time.
//
// It shows a [filelock.Lock] with Acquire and Release, or with With if -with is given:
// With releases the lock even if the function panics. Each process prints its line in
// two parts; without the lock the parts of different lines would be mixed.
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
