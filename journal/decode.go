package journal

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// parsed has the fields of a line.
type parsed struct {
	Version int `json:"fsync_run"`
	entry
}

// kind is the result of reading a line.
type kind int

const (
	empty kind = iota
	aRun
	torn
	foreign
	future
)

func decode(text []byte) (Run, kind) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return Run{}, empty
	}
	var p parsed
	if !p.scan(text) {
		p = parsed{}
		if json.Unmarshal(text, &p) != nil {
			return Run{}, notRun(text)
		}
	}
	switch {
	case p.Version > version:
		return Run{}, future
	case p.Version != version:
		return Run{}, foreign
	}
	run := p.run()
	if run.check() != nil {
		return Run{}, foreign
	}
	return run, aRun
}

// notRun returns the kind of a line that cannot be read as a run.
func notRun(text []byte) kind {
	if !json.Valid(text) {
		return wreck(text)
	}
	var v struct {
		Version int `json:"fsync_run"`
	}
	if json.Unmarshal(text, &v) == nil && v.Version > version {
		return future
	}
	return foreign
}

// wreck tells a partial line of a journal from a foreign line. It ignores zeros at
// the beginning: when a machine crashes, a file system may have made the file
// longer without having written the data.
func wreck(text []byte) kind {
	text = bytes.TrimLeft(text, "\x00")
	if n := min(len(text), len(mark)); string(text[:n]) == mark[:n] {
		return torn
	}
	return foreign
}

// scan reads a line as encode writes it. It is much faster than encoding/json,
// which matters because a journal may have millions of lines. It returns false for
// a line with anything unusual, such as an escaped character; encoding/json reads
// those.
func (p *parsed) scan(text []byte) bool {
	s := scanner{rest: text}
	for first := true; ; first = false {
		switch {
		case first && s.take("{"), !first && s.take(","):
		default:
			return !first && s.take("}") && len(s.rest) == 0
		}
		key, ok := s.text()
		if !ok || !s.take(":") || !p.field(string(key), &s) {
			return false
		}
	}
}

// field reads the value of a field.
func (p *parsed) field(key string, s *scanner) bool {
	switch key {
	case "fsync_run":
		return s.number(&p.Version)
	case "start":
		text, ok := s.text()
		return ok && p.Start.UnmarshalText(text) == nil
	case "kind":
		return s.string((*string)(&p.Kind))
	case "lock":
		return s.string(&p.Lock)
	case "name":
		return s.string(&p.Name)
	case "command":
		return s.strings(&p.Command)
	case "pid":
		return s.number(&p.PID)
	case "host":
		return s.string(&p.Host)
	case "user":
		return s.string(&p.User)
	case "waited_seconds":
		return s.float(&p.Waited)
	case "held_seconds":
		return s.float(&p.Held)
	case "outcome":
		return s.string((*string)(&p.Outcome))
	case "exit_status":
		return s.number(&p.Status)
	case "signal":
		return s.string(&p.Signal)
	case "reason":
		return s.string(&p.Reason)
	}
	return false
}

// A scanner reads simple JSON without spaces. Its methods return false if they
// find anything else, which may be valid JSON nevertheless.
type scanner struct{ rest []byte }

func (s *scanner) take(what string) bool {
	if !bytes.HasPrefix(s.rest, []byte(what)) {
		return false
	}
	s.rest = s.rest[len(what):]
	return true
}

// text reads a string without escaped characters.
func (s *scanner) text() ([]byte, bool) {
	if !s.take(`"`) {
		return nil, false
	}
	n := bytes.IndexByte(s.rest, '"')
	if n < 0 {
		return nil, false
	}
	text := s.rest[:n]
	for _, c := range text {
		if c < ' ' || c == '\\' {
			return nil, false
		}
	}
	s.rest = s.rest[n+1:]
	return text, utf8.Valid(text)
}

func (s *scanner) string(p *string) bool {
	text, ok := s.text()
	*p = string(text)
	return ok
}

func (s *scanner) strings(p *[]string) bool {
	*p = []string{}
	if !s.take("[") {
		return false
	}
	for !s.take("]") {
		if len(*p) > 0 && !s.take(",") {
			return false
		}
		var word string
		if !s.string(&word) {
			return false
		}
		*p = append(*p, word)
	}
	return true
}

// digits reads a number without sign and exponent.
func (s *scanner) digits() string {
	n := 0
	for n < len(s.rest) && (s.rest[n] >= '0' && s.rest[n] <= '9' || s.rest[n] == '.') {
		n++
	}
	text := string(s.rest[:n])
	s.rest = s.rest[n:]
	return text
}

func (s *scanner) number(p *int) (ok bool) {
	text := s.digits()
	n, err := strconv.Atoi(text)
	*p = n
	return err == nil && (text[0] != '0' || len(text) == 1)
}

func (s *scanner) float(p *float64) (ok bool) {
	text := s.digits()
	n, err := strconv.ParseFloat(text, 64)
	*p = n
	whole, part, point := bytes.Cut([]byte(text), []byte{'.'})
	return err == nil && len(whole) > 0 && (whole[0] != '0' || len(whole) == 1) && (!point || len(part) > 0)
}
