package main

import "testing"

func TestPad(t *testing.T) {
	t.Parallel()
	if got := pad("日", 4) + pad("ab", 3) + pad("abc", 1); got != "日  ab abc" {
		t.Errorf("%q", got)
	}
}
