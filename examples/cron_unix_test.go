//go:build unix

package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fsync-lock/fsync/filelock"
	"github.com/fsync-lock/fsync/internal/testproc"
)

// stub replaces the programs that the crontab runs. It prints that it runs, and ends
// after a line on stdin.
const stub = `#!/bin/sh
echo "${0##*/} runs"
read -r _
echo "${0##*/} ends"
`

// tar is a stub that runs before tar(1). It stops backup.sh while the lock is held.
const tar = `#!/bin/sh
echo "backup.sh runs"
read -r _
PATH=$REST exec tar "$@"
`

// A home is the home directory and the PATH that cron gives its jobs.
type home string

func newHome(t *testing.T) home {
	t.Helper()
	needPrograms(t)
	testproc.Need(t, "sh", "tar")
	h := home(t.TempDir())
	backup, err := os.ReadFile("cron/backup.sh")
	if err != nil {
		t.Fatal(err)
	}
	h.write(t, "bin/backup.sh", string(backup))
	for _, job := range []string{"mirror", "report", "cleanup"} {
		h.write(t, "bin/"+job, stub)
	}
	h.write(t, "path/tar", tar)
	h.write(t, "data/file", "something to keep\n")
	return h
}

func (h home) file(name string) string { return filepath.Join(string(h), name) }

// write writes a program.
func (h home) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(h.file(name)), 0o777); err != nil {
		t.Fatal(err)
	}
	testproc.WriteProgram(t, h.file(name), []byte(text))
}

// run returns a command as cron runs it.
func (h home) run(command string) *exec.Cmd {
	cmd := exec.Command("sh", "-c", command)
	rest := os.Getenv("PATH")
	list := string(os.PathListSeparator)
	cmd.Dir = string(h)
	cmd.Env = []string{"HOME=" + string(h), "PATH=" + h.file("path") + list + bin + list + rest, "REST=" + rest}
	return cmd
}

// crontab returns the command of each line of the crontab, by the name of the last
// program in $HOME/bin on the line.
func crontab(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("cron/crontab")
	if err != nil {
		t.Fatal(err)
	}
	commands := map[string]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0][0] == '#' || strings.HasPrefix(fields[0], "PATH=") {
			continue
		}
		times := 5
		if fields[0][0] == '@' {
			times = 1
		}
		if len(fields) <= times || strings.Contains(line, "%") { // cron makes a newline of %
			t.Fatalf("not a crontab line: %s", line)
		}
		command := strings.Join(fields[times:], " ")
		_, job, _ := strings.Cut(command, `"$HOME/bin/`)
		job, _, _ = strings.Cut(job, `"`)
		commands[job] = command
	}
	return commands
}

// While a job runs, the next start of the same line is skipped or waits.
func TestCrontab(t *testing.T) {
	t.Parallel()
	commands := crontab(t)
	if len(commands) != 4 {
		t.Fatalf("the crontab runs %q", commands)
	}
	for job, second := range map[string]func(*testing.T, home, string, *testproc.Proc){
		"mirror":    skipped,
		"report":    waits,
		"cleanup":   skipped,
		"backup.sh": skipped,
	} {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			command := commands[job]
			first := testproc.StartCmd(t, h.run(command))
			first.Expect(job + " runs")
			second(t, h, command, first)
		})
	}
}

func skipped(t *testing.T, h home, command string, first *testproc.Proc) {
	if out, status := output(t, h.run(command)); status != 1 || out != "" {
		t.Errorf("exit status %d, said %q, want 1 and silence", status, out)
	}
	first.Send("end")
	first.Wait()
	if _, status := output(t, h.run(command)); status != 0 {
		t.Errorf("exit status %d when nothing else runs", status)
	}
}

func waits(t *testing.T, h home, command string, first *testproc.Proc) {
	next := testproc.StartCmd(t, h.run(command))
	awaitBlocked(t, string(h), 1)
	next.Silent()
	first.Send("end")
	first.Wait()
	next.Expect("report runs")
	next.Send("end")
	next.Expect("report ends")
	next.Wait()
}

// The job report takes the lock of the job mirror, so it waits until mirror has ended.
func TestCrontabSharedLock(t *testing.T) {
	t.Parallel()
	h, commands := newHome(t), crontab(t)
	mirror := testproc.StartCmd(t, h.run(commands["mirror"]))
	mirror.Expect("mirror runs")
	waits(t, h, commands["report"], mirror)
}

// The name in the crontab is a name of a Manager, and backup.sh locks its own file.
func TestCrontabLockFiles(t *testing.T) {
	t.Parallel()
	for job, file := range map[string]string{
		"cleanup":   "locks/cleanup.lock",
		"backup.sh": "bin/backup.sh",
	} {
		t.Run(job, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			p := testproc.StartCmd(t, h.run(crontab(t)[job]))
			p.Expect(job + " runs")
			lock := filelock.New(h.file(file))
			if ok, err := lock.TryAcquire(); ok || err != nil {
				t.Errorf("TryAcquire() = %t, %v, want the lock held", ok, err)
			}
			p.Send("end")
			p.Wait()
			hold(t, lock)
		})
	}
}

// backup.sh writes the archive and no other file.
func TestBackup(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := testproc.StartCmd(t, h.run(crontab(t)["backup.sh"]))
	p.Expect("backup.sh runs")
	p.Send("end")
	p.Wait()
	if out, status := output(t, h.run("tar -tf backup.tar")); status != 0 || !strings.Contains(out, "file") {
		t.Errorf("the archive: exit status %d, contains %q", status, out)
	}
	if left, _ := filepath.Glob(h.file("*.part")); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}
