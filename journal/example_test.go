package journal_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsync-lock/fsync/journal"
)

// A scheduler keeps a journal of its jobs. fsync-status --report draws it.
func ExampleAppend() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.journal")
	run := journal.Run{
		Start:   time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC),
		Lock:    "/run/lock/backup.lock",
		Command: []string{"backup"},
		PID:     os.Getpid(),
		Host:    "web1",
		Held:    time.Minute,
		Outcome: journal.Ran,
	}
	const maxSize = 10 << 20 // then older lines move to jobs.journal.1
	if err := journal.Append(path, run, maxSize); err != nil {
		log.Print(err)
		return
	}
	runs, _, err := journal.ReadFile(path)
	if err != nil {
		log.Print(err)
	}
	fmt.Println(len(runs), runs[0].Outcome, runs[0].Held)
	// Output: 1 ran 1m0s
}

// Lines that are not runs are counted.
func ExampleRead() {
	const text = `{"fsync_run":1,"start":"2026-01-02T03:00:00Z","lock":"/a.lock","command":["a"],"pid":1,"host":"web1","outcome":"ran","exit_status":3}
{"fsync_run":1,"start":"2026-01-02T03:05
`
	runs, unread, err := journal.Read(strings.NewReader(text))
	if err != nil {
		log.Print(err)
	}
	for _, r := range runs {
		fmt.Println(r.Lock, r.Outcome, r.Status)
	}
	fmt.Println("not read:", unread)
	// Output:
	// /a.lock ran 3
	// not read: 1 torn
}

// ReadFile also reads the older runs in jobs.journal.1.
func ExampleReadFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.journal")
	for i := range 3 {
		run := journal.Run{Start: time.Now(), Lock: "/a.lock", Command: []string{"a"}, PID: 1, Host: "web1", Outcome: journal.Ran, Status: i}
		if err := journal.Append(path, run, 300); err != nil {
			log.Print(err)
		}
	}
	runs, _, err := journal.ReadFile(path)
	if err != nil {
		log.Print(err)
	}
	fmt.Println("the last one ended with", runs[len(runs)-1].Status)
	// Output: the last one ended with 2
}

// Each reads a journal of any length. This program looks for runs that failed.
func ExampleEach() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.journal")
	for _, status := range []int{0, 3, 0} {
		run := journal.Run{Start: time.Now(), Lock: "/a.lock", Command: []string{"a"}, PID: 1, Host: "web1", Outcome: journal.Ran, Status: status}
		if err := journal.Append(path, run, 0); err != nil {
			log.Print(err)
		}
	}
	_, err = journal.Each(path, func(r journal.Run) {
		if r.Outcome == journal.Ran && r.Status != 0 {
			fmt.Println("failed with", r.Status)
		}
	})
	if err != nil {
		log.Print(err)
	}
	// Output: failed with 3
}

// A program that counts runs needs all outcomes.
func ExampleOutcomes() {
	for _, outcome := range journal.Outcomes()[:3] {
		fmt.Println(outcome)
	}
	// Output:
	// ran
	// signalled
	// killed
}
