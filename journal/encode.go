package journal

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/fsync-lock/fsync/internal/line"
)

// encode returns the run as a line with a newline at its end.
func (r Run) encode() ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	b := line.Begin(format, version).Time("start", r.Start).Text("kind", string(r.Kind)).Text("lock", r.Lock).Text("name", r.Name)
	b = b.List("command", cutAll(r.Command, maxCommand))
	if r.PID > 0 {
		b = b.Number("pid", r.PID)
	}
	b = b.Text("host", r.Host).Text("user", r.User)
	b = b.Seconds("waited_seconds", r.Waited).Seconds("held_seconds", r.Held)
	b = b.Text("outcome", string(r.Outcome)).Number("exit_status", r.Status)
	text := b.Text("signal", r.Signal).Text("reason", cut(r.Reason, maxReason)).End()
	if len(text) > maxLine {
		return nil, fmt.Errorf("the line would have %d bytes; at most %d are allowed", len(text), maxLine)
	}
	return text, nil
}

// cutAll shortens a list of words to n bytes in all. A list that was cut ends in
// an ellipsis.
func cutAll(words []string, n int) []string {
	for i, word := range words {
		if n -= len(word) + 1; n < 0 {
			kept := append([]string(nil), words[:i]...)
			return append(kept, cut(word, max(len(word)+n, 0)))
		}
	}
	return words
}

// cut shortens a text that is longer than n bytes to n bytes and an ellipsis.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.ToValidUTF8(s[:n], "�") + "…"
}
