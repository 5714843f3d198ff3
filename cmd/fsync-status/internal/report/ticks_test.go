package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Ticks are at round times of the local clock, and at every midnight, also when daylight
// saving time begins or ends. The test is not parallel: it sets time.Local.
func TestTicks(t *testing.T) {
	before := time.Local
	defer func() { time.Local = before }()
	for _, zone := range []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Skip(err)
		}
		time.Local = location
		for _, month := range []time.Month{time.March, time.April, time.October, time.November} {
			for _, hours := range []int{6, 12, 30, 60, 24 * 7, 24 * 28, 24 * 200} {
				from := time.Date(2026, month, 1, 17, 23, 11, 5, location)
				s := scale{from: from, span: time.Duration(hours) * time.Hour, width: 960}
				if hours < 24*28 { // near the end of the month, when the clock may change
					s.from = from.AddDate(0, 0, 27)
				}
				checkTicks(t, fmt.Sprintf("%s, %s, %d hours", zone, month, hours), s)
			}
		}
	}
}

func checkTicks(t *testing.T, name string, s scale) {
	t.Helper()
	var midnights []string
	for day := s.from.Local(); day.Before(s.from.Add(s.span)); day = day.AddDate(0, 0, 1) {
		m := time.Date(day.Year(), day.Month(), day.Day()+1, 0, 0, 0, 0, time.Local)
		if m.Before(s.from.Add(s.span)) {
			midnights = append(midnights, string("left:"+percent(s.position(m))))
		}
	}
	ticks := s.ticks()
	var majors []string
	for i, tick := range ticks {
		if tick.Major {
			majors = append(majors, string(tick.Style))
		}
		minute := tick.Label[len(tick.Label)-2:]
		if s.span < 100*time.Hour && (minute != "00" && minute != "30" && minute != "15" && minute != "45") {
			t.Errorf("%s: tick %d is at %s", name, i, tick.Label)
		}
		if tick.Major && s.span < 100*time.Hour && !strings.HasSuffix(tick.Label, " 00:00") {
			t.Errorf("%s: tick %d is %s", name, i, tick.Label)
		}
	}
	if len(ticks) < 2 || len(ticks) > 12 {
		t.Errorf("%s: %d ticks", name, len(ticks))
	}
	if s.span < 100*time.Hour && !slices.Equal(majors, midnights) {
		t.Errorf("%s: ticks of days at %q, midnights at %q", name, majors, midnights)
	}
	if s.span >= 100*time.Hour && len(majors) != len(ticks) {
		t.Errorf("%s: %d of %d ticks are midnights", name, len(majors), len(ticks))
	}
}
