package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	t.Parallel()
	for module, want := range map[string]string{
		"v1.2.3":  "1.2.3",
		"(devel)": source,
		"":        source,
		"v0.1.1-0.20260102030405-abcdefabcdef+dirty": "0.1.1-0.20260102030405-abcdefabcdef+dirty",
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: module}}
		if got := of(info); got != want {
			t.Errorf("of %q: %q, want %q", module, got, want)
		}
	}
	if got := of(nil); got != source {
		t.Error(got)
	}
}
