package filelock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

var roles = map[string]testproc.Role{"hold": hold, "count": count, "drop": drop}

func TestMain(m *testing.M) {
	testproc.AtOnce(8)
	if testproc.Polls() {
		filelock.Poll()
	}
	testproc.Main(m, roles, removeDir)
}

// errorOf returns the error of a call with two results.
func errorOf[T any](_ T, err error) error { return err }

// hold PATH [shared|any]: for each line that it hears, "acquire", "try DURATION" or "release",
// it calls the method and prints what it did.
func hold(args []string) error {
	runtime.LockOSThread() // strace(1) counts calls by threads: see startTampered
	var opts []filelock.Option
	if len(args) > 1 {
		opts = append(opts, map[string]filelock.Option{"shared": filelock.Shared(), "any": filelock.AnyFile()}[args[1]])
	}
	l := filelock.New(args[0], opts...)
	for {
		line, err := testproc.Hear()
		if err != nil {
			return nil
		}
		verb, arg, _ := strings.Cut(line, " ")
		switch verb {
		case "acquire":
			err = l.Acquire(context.Background())
		case "try":
			var d time.Duration
			if d, err = time.ParseDuration(arg); err == nil {
				var ok bool
				if ok, err = l.TryAcquireFor(d); err == nil && !ok {
					verb = "busy"
				}
			}
		case "release":
			if err = l.Release(); errors.Is(err, syscall.EIO) {
				verb, err = "not released", nil
			}
		}
		if errors.Is(err, errors.ErrUnsupported) {
			verb, err = "unsupported", nil
		}
		if err != nil {
			return err
		}
		fmt.Println(verb)
	}
}

// count LOCK COUNTER N keep|remove: adds 1 to the number in the file COUNTER, N times, each
// time under the lock. With remove, it removes the lock file before each release.
func count(args []string) error {
	l := filelock.New(args[0])
	n, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	for range n {
		err := l.With(context.Background(), func(context.Context) error {
			if err := addOne(args[1]); err != nil || args[3] != "remove" {
				return err
			}
			return os.Remove(args[0])
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func addOne(counter string) error {
	text, err := os.ReadFile(counter)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(counter, []byte(strconv.Itoa(n+1)), 0o666)
}

// drop PATH: acquires with a Lock to which no variable refers afterwards.
func drop(args []string) error {
	if err := filelock.New(args[0]).Acquire(context.Background()); err != nil {
		return err
	}
	for range 5 {
		collect()
	}
	fmt.Println("dropped")
	_, err := testproc.Hear()
	return err
}
