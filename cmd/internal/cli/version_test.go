package cli

import (
	"runtime/debug"
	"testing"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	for module, want := range map[string]string{
		"v1.2.3":  "1.2.3",
		"(devel)": sourceVersion,
		"":        sourceVersion,
		"v0.1.1-0.20260102030405-abcdefabcdef+dirty": "0.1.1-0.20260102030405-abcdefabcdef+dirty",
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: module}}
		if got := versionOf(info); got != want {
			t.Errorf("%q: %q, want %q", module, got, want)
		}
	}
	if got := versionOf(nil); got != sourceVersion {
		t.Error(got)
	}
}
