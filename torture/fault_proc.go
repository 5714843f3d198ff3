//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

func init() {
	hide := &otherProc{kind: "proc", options: "hidepid=2,gid=65534"}
	addFault(&fault{
		name: "hidepid", about: "processes start with a /proc that hides the others (hidepid=2)",
		why: hide.impossible, setup: hide.setup, prepare: hide.prepare, entersNamespace: true,
	})
	empty := &otherProc{kind: "tmpfs", options: "size=4k"}
	addFault(&fault{
		name: "no-proc", about: "processes start without /proc",
		why: empty.impossible, setup: empty.setup, prepare: empty.prepare, entersNamespace: true,
	})
}

// An otherProc is a mount namespace with another file system at /proc, which every second
// process of this library enters. For the checks, the usual one is in the round's directory.
//
// Root sees all processes in any case, unless it lacks CAP_SYS_PTRACE and is not in the group
// that the mount names. And it sees those that lack CAP_SYS_PTRACE, too.
type otherProc struct {
	kind, options string
	in            *namespace
}

func (o *otherProc) impossible() error {
	n, err := newNamespace(false, true)
	if err != nil {
		return err
	}
	defer n.end()
	if err := n.ask("mount", o.kind, "/proc", o.options); err != nil {
		return err
	}
	if o.hides() {
		_, err = exec.LookPath("setpriv")
	}
	return err
}

func (o *otherProc) hides() bool { return o.kind == "proc" }

func (o *otherProc) setup(r *round) (undo func(), err error) {
	n, err := newNamespace(false, true)
	if err != nil {
		return nil, err
	}
	usual := usualProc(r.dir)
	if err = os.Mkdir(usual, 0o755); err == nil {
		err = errors.Join(n.ask("bind", "/proc", usual), n.ask("mount", o.kind, "/proc", o.options))
	}
	if err != nil {
		n.end()
		return nil, err
	}
	o.in = n
	return n.end, nil
}

func usualProc(dir string) string { return filepath.Join(dir, "proc") }

func (o *otherProc) prepare(r *round, p *process) {
	if p.program != goProgram || p.slot%2 != 0 {
		return
	}
	o.enter(p.cmd, r.dir)
	r.struck[o.name()]++ // the caller has locked r.mu
}

func (o *otherProc) name() string {
	if o.hides() {
		return "hidepid"
	}
	return "no-proc"
}

func (o *otherProc) enter(cmd *exec.Cmd, dir string) {
	if o.hides() {
		wrap(cmd, "setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace", "--")
	}
	o.in.enter(cmd)
	cmd.Env = append(cmd.Environ(), fmt.Sprintf("%s=%s", procVar, usualProc(dir)))
}
