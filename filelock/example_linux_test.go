package filelock_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/fsync-lock/fsync/filelock"
)

// A process that inherits the file shares the hold: the lock is held until the last of these
// processes has ended, or until one of them releases it.
func ExampleLock_File() {
	lock := filelock.New(filepath.Join(dir(), "file.lock"))
	err := lock.With(context.Background(), func(context.Context) error {
		file, err := lock.File()
		if err != nil {
			return err
		}
		defer file.Close() // the command has a file of its own
		cmd := exec.Command("sh", "-c", "echo the lock is descriptor 3")
		cmd.ExtraFiles = []*os.File{file}
		cmd.Stdout = os.Stdout
		return cmd.Run()
	})
	if err != nil {
		log.Print(err)
	}
	// Output: the lock is descriptor 3
}

// The new process of a server adopts the lock of the old process, and then the old process
// leaves the lock. Here, both are this process; see examples/handover.
func ExampleAdopt() {
	path := filepath.Join(dir(), "adopt.lock")
	old := filelock.New(path)
	if err := old.Acquire(context.Background()); err != nil {
		log.Print(err)
		return
	}
	file, err := old.File() // in the new process: os.NewFile(3, "lock")
	if err != nil {
		log.Print(err)
		return
	}

	lock, err := filelock.Adopt(file, path)
	if err != nil {
		log.Print(err)
		return
	}
	if err := old.Leave(); err != nil {
		log.Print(err)
	}
	fmt.Println(lock.Check())
	fmt.Println(filelock.New(path).TryAcquire())
	// Output:
	// <nil>
	// false <nil>
}

// Holders returns the processes that hold the lock. A note tells the purpose.
func ExampleLock_Holders() {
	path := filepath.Join(dir(), "holders.lock")
	lock := filelock.New(path, filelock.Note("nightly")) // as if in another process
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	defer lock.Release()

	holders, err := filelock.New(path).Holders()
	if err != nil {
		log.Print(err)
	}
	for _, h := range holders {
		fmt.Println(h.PID == os.Getpid(), h.Shared)
	}
	// Output: true false
}

// Holders shows the note of a process that has held the lock for some milliseconds.
func ExampleNote() {
	path := filepath.Join(dir(), "note.lock")
	lock := filelock.New(path, filelock.Note("nightly backup"))
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	defer lock.Release()

	for range time.Tick(time.Millisecond) {
		holders, err := filelock.New(path).Holders()
		if err != nil {
			log.Print(err)
			return
		}
		if len(holders) > 0 && holders[0].Note != "" {
			fmt.Println(holders[0].Note)
			return
		}
	}
	// Output: nightly backup
}

// Waiters returns the processes that wait for the lock, also processes that use flock(1).
func ExampleLock_Waiters() {
	path := filepath.Join(dir(), "waiters.lock")
	lock := filelock.New(path)
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	done := make(chan error)
	go func() {
		done <- filelock.New(path).With(context.Background(), func(context.Context) error { return nil })
	}()

	for range time.Tick(time.Millisecond) {
		waiters, err := lock.Waiters()
		if err != nil {
			log.Print(err)
		}
		if len(waiters) > 0 {
			fmt.Println(len(waiters), "process waits")
			break
		}
	}
	if err := lock.Release(); err != nil {
		log.Print(err)
	}
	fmt.Println(<-done)
	// Output:
	// 1 process waits
	// <nil>
}

// A child process that inherited the lock holds it, too. GroupByHold returns one hold of two
// processes.
func ExampleGroupByHold() {
	lock := filelock.New(filepath.Join(dir(), "holds.lock"))
	err := lock.With(context.Background(), func(context.Context) error {
		file, err := lock.File()
		if err != nil {
			return err
		}
		defer file.Close()
		child := exec.Command("sleep", "1000")
		child.ExtraFiles = []*os.File{file}
		if err := child.Start(); err != nil {
			return err
		}
		defer child.Process.Kill()

		holders, err := lock.Holders()
		for _, hold := range filelock.GroupByHold(holders) {
			fmt.Println(len(hold), "processes,", hold[0].PID == os.Getpid(), hold[1].PID == child.Process.Pid)
		}
		return err
	})
	if err != nil {
		log.Print(err)
	}
	// Output: 2 processes, true true
}

// Inspect returns the states of several locks at the same moment.
func ExampleInspect() {
	busy := filelock.New(filepath.Join(dir(), "busy.lock"))
	idle := filelock.New(filepath.Join(dir(), "idle.lock"))
	if err := busy.Acquire(context.Background()); err != nil {
		log.Print(err)
	}
	defer busy.Release()
	if err := idle.With(context.Background(), func(context.Context) error { return nil }); err != nil {
		log.Print(err)
	}

	for _, state := range filelock.Inspect(busy, idle) {
		switch state.Status() {
		case filelock.Held:
			fmt.Println("held, by", len(state.Holders))
		case filelock.Free:
			fmt.Println("free")
		case filelock.Unknown:
			fmt.Println("unknown:", state.Unknown, state.Err)
		}
	}
	// Output:
	// held, by 1
	// free
}

// Each holder of a semaphore has a slot.
func ExampleSemaphore_Holders() {
	path := filepath.Join(dir(), "holders.sem")
	slots := filelock.NewSemaphore(path, 3)
	for range 2 {
		if err := slots.Acquire(context.Background()); err != nil {
			log.Print(err)
		}
	}
	holders, err := slots.Holders()
	if err != nil {
		log.Print(err)
	}
	n, err := filelock.Slots(path)
	if err != nil {
		log.Print(err)
	}
	fmt.Println(len(holders), "of", n, "slots are held")
	// Output: 2 of 3 slots are held
}

// A program leaves its work and the lock to a child process. The lock is held until the child
// ends.
func ExampleLock_Leave() {
	path := filepath.Join(dir(), "leave.lock")
	lock := filelock.New(path)
	if err := lock.Acquire(context.Background()); err != nil {
		log.Print(err)
		return
	}
	file, err := lock.File()
	if err != nil {
		log.Print(err)
		return
	}
	child := exec.Command("sleep", "1000")
	child.ExtraFiles = []*os.File{file}
	err = child.Start()
	file.Close()
	if err != nil {
		log.Print(err)
		return
	}
	if err := lock.Leave(); err != nil {
		log.Print(err)
	}
	fmt.Println(filelock.New(path).TryAcquire())
	child.Process.Kill()
	child.Wait()
	fmt.Println(filelock.New(path).TryAcquire())
	// Output:
	// false <nil>
	// true <nil>
}

// With AnyFile, the path of a lock may be a symbolic link that no other user can have created.
func ExampleAnyFile() {
	link := filepath.Join(dir(), "link.lock")
	if err := os.Symlink("file.lock", link); err != nil {
		log.Print(err)
	}
	_, err := filelock.New(link).TryAcquire()
	fmt.Println(err != nil)
	fmt.Println(filelock.New(link, filelock.AnyFile()).TryAcquire())
	// Output:
	// true
	// true <nil>
}
