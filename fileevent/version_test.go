package fileevent

import (
	"testing"
	"time"
)

func TestDiffers(t *testing.T) {
	t.Parallel()
	born := time.Now()
	one := version{exists: true, ino: 1, born: born, id: "1", read: true}
	with := func(change func(*version)) version {
		v := one
		change(&v)
		return v
	}
	noID := with(func(v *version) { v.id = "" })
	for what, c := range map[string]struct {
		now, before version
		want        bool
	}{
		"the same":                   {one, one, false},
		"no file now":                {version{}, one, false},
		"no file before":             {one, version{}, true},
		"another ID":                 {with(func(v *version) { v.id = "2" }), one, true},
		"the ID in another file":     {with(func(v *version) { v.ino = 2 }), one, false},
		"the ID came later":          {one, noID, false},
		"the ID is gone":             {noID, one, true},
		"the ID cannot be read":      {with(func(v *version) { v.id, v.read = "", false }), one, false},
		"another inode":              {with(func(v *version) { v.id, v.ino = "", 2 }), noID, true},
		"another time":               {with(func(v *version) { v.id, v.born = "", born.Add(1) }), noID, true},
		"a later one, archived":      {with(func(v *version) { v.id, v.archived = "2", true }), one, true},
		"an earlier one, archived":   {with(func(v *version) { v.id, v.archived, v.born = "2", true, born.Add(-1) }), one, false},
		"an earlier one, in place":   {with(func(v *version) { v.id, v.born = "2", born.Add(-1) }), one, true},
		"the same one, now archived": {with(func(v *version) { v.archived = true }), one, false},
	} {
		if got := c.now.differs(c.before); got != c.want {
			t.Errorf("%s: differs is %v", what, got)
		}
	}
}
