// Hello starts ten processes that say hello, one at a time.
//
// It shows a [filelock.Lock] with Acquire and Release. Each process prints its line
// in two parts; without the lock the parts of different lines would be mixed.
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
	flag.Parse()
	if flag.NArg() == 0 {
		startTen(*path)
	} else {
		hello(filelock.New(*path), flag.Arg(0))
	}
}

func hello(lock *filelock.Lock, number string) {
	if err := lock.Acquire(context.Background()); err != nil {
		log.Fatal(err)
	}
	defer func() {
		if err := lock.Release(); err != nil {
			log.Fatal(err)
		}
	}()
	fmt.Print("hello ")
	fmt.Println("world", number)
}

func startTen(path string) {
	var processes [10]*exec.Cmd
	for n := range processes {
		cmd := exec.Command(os.Args[0], "-lock", path, fmt.Sprint(n))
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		if err := cmd.Start(); err != nil {
			log.Fatal(err)
		}
		processes[n] = cmd
	}
	for n, cmd := range processes {
		if err := cmd.Wait(); err != nil {
			log.Fatalf("process %d: %v", n, err)
		}
	}
}
