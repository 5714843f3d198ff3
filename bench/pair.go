//go:build linux

package main

import (
	"os"
	"os/exec"
)

// startPair starts two commands with a pipe in each direction between them.
// Descriptor 3 of each reads what the other writes to its descriptor 4. The
// second command is ready before the first one starts.
func (b *bench) startPair(first, second *exec.Cmd) (one, two *proc, err error) {
	r1, w1, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r1.Close()
	defer w1.Close()
	r2, w2, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	defer r2.Close()
	defer w2.Close()
	first.ExtraFiles = []*os.File{r2, w1}
	second.ExtraFiles = []*os.File{r1, w2}
	if two, err = b.startReady(second); err == nil {
		one, err = b.startReady(first)
	}
	return one, two, err
}

// A partner is the other process of a pair, as one of the two sees it.
type partner struct {
	in, out *os.File
	buf     []byte
}

func newPartner() partner {
	return partner{in: os.NewFile(3, "in"), out: os.NewFile(4, "out"), buf: make([]byte, 1)}
}

// notify sends a byte to the partner.
func (p partner) notify() error {
	_, err := p.out.Write(p.buf)
	return err
}

// await waits for a byte from the partner.
func (p partner) await() error {
	_, err := p.in.Read(p.buf)
	return err
}
