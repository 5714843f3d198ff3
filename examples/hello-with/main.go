// Hello-with is the example hello with [filelock.Lock.With].
//
// With acquires the lock, calls a function and releases the lock, even if the
// function panics.
//
//	go run ./examples/hello-with
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
	err := lock.With(context.Background(), func(context.Context) error {
		fmt.Print("hello ")
		_, err := fmt.Println("world", number)
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
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
