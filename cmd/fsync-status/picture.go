package main

import (
	"fmt"
	"time"

	"github.com/fsync-lock/fsync"
	"github.com/fsync-lock/fsync/cmd/internal/term"
	"github.com/fsync-lock/fsync/internal/plain"
)

// A picture is what is shown of a look.
type picture struct {
	view   view     // the busy entries first
	labels []string // what these are called
	foot   string
	errs   []error
}

func (l *look) picture(circles []fsync.Deadlock) *picture {
	p := &picture{view: l.view(circles), errs: l.errs}
	var busy int
	p.labels, busy = p.view.busyFirst(l.labels)
	p.foot = fmt.Sprintf("%d of %d busy", busy, len(p.view.Entries))
	if len(l.dirs) > 0 {
		p.foot += " in " + plain.Harmless(l.where())
	}
	return p
}

// frame is what is on the screen: as many lines as fit, the busy ones first,
// and at the end what is wrong.
func (p *picture) frame(now time.Time, c colours, width, height int) []string {
	var below []string
	for _, d := range p.view.Deadlocks {
		below = append(append(below, ""), d.lines(c, width)...)
	}
	for _, err := range p.errs {
		below = append(below, styled(term.Fit(plain.Harmless(err.Error()), width), c.bad, c))
	}
	below = append(below, "", styled(term.Fit(p.foot+"; q ends", width), c.idle, c))
	below = below[max(len(below)-height, 0):]
	room := height - len(below)
	v := p.view
	v.Time, v.Deadlocks, v.Entries = now, nil, v.Entries[:min(len(v.Entries), room)] // each takes a line at least
	lines := v.lines(p.labels, c, width)
	return append(lines[:min(len(lines), room)], below...)
}
