package main

import (
	"slices"
	"testing"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	var d keyDecoder
	var got []key
	for _, b := range []byte("j\x1b[A\x1b[B\x1bOC\x1b[5~\x1b[6~q\x1b\x1b[D\x1b[1;5A\x1bxk\x1b[200~\x1b[H") {
		if k, ok := d.next(b); ok {
			got = append(got, k)
		}
	}
	if want := []key{'j', keyUp, keyDown, keyRight, keyPageUp, keyPageDown, 'q', keyLeft, 'x', 'k', keyHome}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
