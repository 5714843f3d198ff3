// Handover is a server that restarts itself, while its lock is never free. It shows
// [filelock.Adopt]: the new process adopts the lock, and then the old one leaves it.
//
//	go build -o /tmp/handover ./examples/handover && /tmp/handover /tmp/server.lock
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/fsync-lock/fsync/filelock"
)

func main() {
	restart := make(chan os.Signal, 1)
	signal.Notify(restart, syscall.SIGHUP)
	lock := filelock.New(os.Args[1])
	if len(os.Args) > 2 { // handOver has started this process
		var err error
		lock, err = filelock.Adopt(os.NewFile(3, "lock"), os.Args[1])
		check(err)
		fmt.Fprintln(os.NewFile(4, "pipe"), "adopted")
	} else {
		check(lock.Acquire(context.Background()))
	}
	fmt.Printf("serving; to restart: kill -HUP %d\n", os.Getpid())
	for range restart {
		if handOver(lock) {
			check(lock.Leave())
			return
		}
		log.Print("not restarted")
	}
}

// handOver starts the program again and reports whether it has adopted the lock.
func handOver(lock *filelock.Lock) bool {
	file, err := lock.File()
	check(err)
	r, w, _ := os.Pipe()
	next := exec.Command(os.Args[0], lock.Path(), "adopt")
	next.Stdout, next.Stderr, next.ExtraFiles = os.Stdout, os.Stderr, []*os.File{file, w}
	err = next.Start()
	file.Close()
	w.Close()
	n, _ := r.Read(make([]byte, 8)) // reads nothing if the new process fails
	return err == nil && n > 0
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
