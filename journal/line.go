package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/fsync-lock/fsync/internal/printable"
)

// fields are the fields of a line, in their order. The version comes first, so that the
// first bytes of a line tell it from other text.
type fields struct {
	Version int       `json:"fsync_run"`
	Start   time.Time `json:"start"`
	Kind    Kind      `json:"kind,omitempty"`
	Lock    string    `json:"lock"`
	Name    string    `json:"name,omitempty"`
	Command []string  `json:"command,omitempty"`
	PID     int       `json:"pid,omitempty"`
	Host    string    `json:"host,omitempty"`
	User    string    `json:"user,omitempty"`
	Waited  float64   `json:"waited_seconds"`
	Held    float64   `json:"held_seconds"`
	Outcome Outcome   `json:"outcome"`
	Status  int       `json:"exit_status"`
	Signal  string    `json:"signal,omitempty"`
	Reason  string    `json:"reason,omitempty"`
}

const (
	version    = 1
	mark       = `{"fsync_run":` // the beginning of a line
	maxCommand = 16 << 10        // bytes of a command that are written
	maxReason  = 4 << 10
	maxLine    = 256 << 10 // JSON may write one byte as six
)

// encode returns the run as a line with a newline at its end.
func (r Run) encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	text, err := printable.JSONLine(fields{
		Version: version, Start: r.Start.UTC(), Kind: r.Kind, Lock: r.Lock, Name: r.Name,
		Command: cutAll(r.Command, maxCommand), PID: r.PID, Host: r.Host, User: r.User,
		Waited: seconds(r.Waited), Held: seconds(r.Held),
		Outcome: r.Outcome, Status: r.Status, Signal: r.Signal, Reason: cut(r.Reason, maxReason),
	})
	if err == nil && len(text) > maxLine {
		err = fmt.Errorf("the line would have %d bytes; at most %d are allowed", len(text), maxLine)
	}
	return text, err
}

func (f fields) run() Run {
	return Run{
		Start: f.Start.UTC(), Kind: f.Kind, Lock: f.Lock, Name: f.Name,
		Command: f.Command, PID: f.PID, Host: f.Host, User: f.User,
		Waited: duration(f.Waited), Held: duration(f.Held),
		Outcome: f.Outcome, Status: f.Status, Signal: f.Signal, Reason: f.Reason,
	}
}

func seconds(d time.Duration) float64 { return d.Round(time.Microsecond).Seconds() }

// duration returns -1 if the seconds are negative or too many.
func duration(seconds float64) time.Duration {
	if us := math.Round(seconds * 1e6); us >= 0 && us <= float64(maxTime/time.Microsecond) {
		return time.Duration(us) * time.Microsecond
	}
	return -1
}

// lineKind is the result of reading a line.
type lineKind int

const (
	lineEmpty lineKind = iota
	lineRun
	lineTorn    // the beginning of a line of a journal
	lineForeign // not a line of a journal
	lineFuture  // a line of a later version
)

func decode(text []byte) (Run, lineKind) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return Run{}, lineEmpty
	}
	var f fields
	if json.Unmarshal(text, &f) != nil {
		return Run{}, notRun(text)
	}
	switch {
	case f.Version > version:
		return Run{}, lineFuture
	case f.Version != version:
		return Run{}, lineForeign
	}
	run := f.run()
	if run.check() != nil {
		return Run{}, lineForeign
	}
	return run, lineRun
}

// notRun returns the kind of a line that is not JSON, or whose fields have other
// types than those of a run.
func notRun(text []byte) lineKind {
	var v struct {
		Version int `json:"fsync_run"`
	}
	switch {
	case !json.Valid(text):
		return torn(text)
	case json.Unmarshal(text, &v) == nil && v.Version > version:
		return lineFuture
	}
	return lineForeign
}

// torn tells a partial line of a journal from a foreign line. It ignores zeros at the
// beginning: after a crash of the machine, a file may have its new length without the
// new data.
func torn(text []byte) lineKind {
	text = bytes.TrimLeft(text, "\x00")
	if n := min(len(text), len(mark)); string(text[:n]) == mark[:n] {
		return lineTorn
	}
	return lineForeign
}

// cutAll shortens a list of words to about n bytes in all, with a byte between two
// words. A list that was cut ends in an ellipsis.
func cutAll(words []string, n int) []string {
	for i, word := range words {
		if n -= len(word) + 1; n < 0 {
			kept := append([]string(nil), words[:i]...)
			return append(kept, cut(word, max(len(word)+n, 0)))
		}
	}
	return words
}

// cut shortens a text that is longer than n bytes to at most n bytes and an ellipsis.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return printable.Cut(s, n) + "…"
}
