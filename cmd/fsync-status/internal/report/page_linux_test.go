package report

import (
	"bufio"
	"encoding/base64"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/cmd/fsync-status/internal/report/reporttest"
	"github.com/fsync-lock/fsync/internal/printable"
	"github.com/fsync-lock/fsync/internal/testproc"
	"github.com/fsync-lock/fsync/journal"
)

var screenshot = flag.String("screenshot", "", "write the picture of the report into this `FILE`")

// pageOf writes the page of runs into a file, and returns its path.
func pageOf(t testing.TB, runs []journal.Run) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "page.html")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	r := &Report{collected(Interval{}, runs...), []source{{Path: "runs.jsonl", Runs: len(runs)}}}
	if err := r.writePage(w, made); err != nil {
		t.Fatal(err)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

func local(t time.Time) string { return t.Local().Format("2006-01-02 15:04:05") }

// A drawnBar is a bar in the browser, in pixels from the edge of the chart.
type drawnBar struct {
	Text, Class       string
	Left, Width       float64
	WaitLeft, WaitEnd float64 // from the bar's edge
}

const allBars = `(() => {
	const edge = document.querySelector(".chart").getBoundingClientRect().left;
	return [...document.querySelectorAll(".lanes > .run")].map((bar) => {
		const at = bar.getBoundingClientRect(), wait = bar.firstElementChild?.getBoundingClientRect();
		return {Text: bar.ariaLabel, Class: bar.classList[1], Left: at.left - edge, Width: at.width,
			WaitLeft: wait ? wait.left - at.left : 0, WaitEnd: wait ? wait.right - at.left : 0};
	});
})()`

// checkBars fails the test if a bar is more than a pixel away from where its run must be.
// Each run needs a PID of its own.
func checkBars(t *testing.T, b *browser, runs []journal.Run) {
	t.Helper()
	var bars []drawnBar
	b.eval(allBars, &bars)
	width := b.number(`document.querySelector(".chart").getBoundingClientRect().width`)
	byPID := map[int]drawnBar{}
	pid := regexp.MustCompile(`(?m)^pid (\d+)`)
	for _, bar := range bars {
		n, _ := strconv.Atoi(pid.FindStringSubmatch(bar.Text)[1])
		byPID[n] = bar
	}
	if len(bars) != len(runs) || len(byPID) != len(runs) {
		t.Fatalf("%d bars, %d PIDs, %d runs", len(bars), len(byPID), len(runs))
	}
	from, to := runs[0].Start, runs[0].Start
	for _, r := range runs {
		if r.Start.Before(from) {
			from = r.Start
		}
		if end := r.Start.Add(r.Waited).Add(r.Held); end.After(to) {
			to = end
		}
	}
	margin := max(to.Sub(from)/50, time.Second)
	pixels := func(d time.Duration) float64 { return width * float64(d) / float64(to.Sub(from)+2*margin) }
	near := func(what string, got, want float64, r journal.Run) {
		t.Helper()
		if math.Abs(got-want) > 1 {
			t.Errorf("pid %d: %s at %.2f, want %.2f", r.PID, what, got, want)
		}
	}
	for _, r := range runs {
		bar := byPID[r.PID]
		left, all := pixels(r.Start.Sub(from)+margin), pixels(r.Waited+r.Held)
		switch bar.Class {
		case "skipped", "error": // a mark, centred at the start
			near("middle", bar.Left+bar.Width/2, left, r)
			continue
		case "open":
			near("left", bar.Left, left, r)
			continue
		}
		near("left", bar.Left, left, r)
		near("width", bar.Width, max(all, minBar), r)
		if r.Waited > 0 && all > 10 {
			near("the wait's left", bar.WaitLeft, 0, r)
			near("the wait's right", bar.WaitEnd, pixels(r.Waited), r)
		}
	}
}

// shownText returns the description of a bar that is visible, or "".
const shownText = `(() => {
	const bar = document.querySelector(".run:is(:hover, :focus)"), text = bar && getComputedStyle(bar, "::after");
	return text && text.display !== "none" && text.visibility === "visible" && text.content !== "none" ? text.content : "";
})()`

func TestPage(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	runs := reporttest.Night()
	b.resize(1280, 1240, false)
	b.media("", "light")
	b.open(pageOf(t, runs))
	checkBars(t, b, runs)

	// Pointing at a bar shows its description; pointing elsewhere hides it.
	if got := b.text(shownText); got != "" {
		t.Errorf("a description is shown: %s", got)
	}
	at := func(n int) (x, y float64) {
		rect := fmt.Sprintf(`document.querySelectorAll(".lanes > .run")[%d].getBoundingClientRect()`, n)
		return b.number(rect+".left") + b.number(rect+".width")/2, b.number(rect+".top") + 5
	}
	at2 := time.Date(2026, 3, 14, 2, 0, 0, 0, time.UTC)
	b.point(at(1))
	text := b.text(shownText)
	for _, want := range []string{"backup: ran", local(at2) + " to " + local(at2.Add(68 * time.Minute))[11:] + ", waited 42m, held 26m", "backup.sh /home", "pid 4219 on web1"} {
		if !strings.Contains(text, want) {
			t.Errorf("the description is %q, want %q", text, want)
		}
	}
	b.point(5, 5)
	if got := b.text(shownText); got != "" {
		t.Errorf("a description is shown: %s", got)
	}

	// The keys do the same: Tab goes to the next lock, arrows go to the next bar.
	focused := func() string { return b.text(`document.activeElement.ariaLabel ?? document.activeElement.className`) }
	b.press("Tab")
	if got := focused(); got != "scroll" {
		t.Errorf("the first stop is %q", got)
	}
	for _, c := range []struct{ key, want string }{
		{"Tab", "backup: ran\n" + local(at2.Add(-30*time.Minute))}, {"ArrowRight", "backup: ran\n" + local(at2)}, {"End", "backup: killed"},
		{"ArrowRight", "backup: killed"}, {"ArrowLeft", "backup: gave up"}, {"Home", "backup: ran\n" + local(at2.Add(-30*time.Minute))}, {"Tab", "reports: could not"},
	} {
		b.press(c.key)
		if got := focused(); !strings.HasPrefix(got, c.want) {
			t.Errorf("after %s: %q, want %q", c.key, got, c.want)
		}
		if got := b.text(shownText); !strings.HasPrefix(strings.ReplaceAll(strings.Trim(got, `"`), `\a `, "\n"), c.want[:10]) {
			t.Errorf("after %s the description is %q", c.key, got)
		}
	}
	b.eval(`document.activeElement.blur() ?? 0`, new(any))
	if *screenshot != "" {
		b.picture(*screenshot)
	}
	checkContrast(t, b, "light")
	light := b.text(`getComputedStyle(document.body).backgroundColor`)
	b.media("", "dark")
	if dark := b.text(`getComputedStyle(document.body).backgroundColor`); dark == light {
		t.Errorf("the background is the same in the dark scheme: %s", dark)
	}
	checkContrast(t, b, "dark")

	// In print the chart is as wide as the page, and to scale.
	b.media("print", "light")
	b.resize(700, 1000, false)
	if wide := b.number(`document.scrollingElement.scrollWidth`); wide > 700 {
		t.Errorf("on paper it is %v wide", wide)
	}
	checkBars(t, b, runs)
	b.noFaults()
}

// On a phone only the timeline is wider than the screen, and every bar can be reached.
func TestPageOnPhone(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	runs := reporttest.Night()
	runs[0].Name = strings.Repeat("x", 200)
	runs[1].Command = []string{strings.Repeat("y", 200)}
	runs[1].Status = 1
	for i := range runs {
		runs[i].Lock = "/run/" + runs[i].Name
	}
	b.resize(390, 844, true)
	b.open(pageOf(t, runs))
	b.eval(`scrollTo(1000, 0) ?? 0`, new(any))
	if wide, view, at := b.number(`document.scrollingElement.scrollWidth`), b.number(`innerWidth`), b.number(`scrollX`); wide > 390 || view != 390 || at != 0 {
		t.Errorf("the page is %v wide in a view of %v and scrolls to %v", wide, view, at)
	}
	if wide, view := b.number(`document.querySelector(".scroll").scrollWidth`), b.number(`document.querySelector(".scroll").clientWidth`); wide < minChart || view > 390 {
		t.Errorf("the timeline is %v wide in a view of %v", wide, view)
	}
	checkBars(t, b, runs)
	b.noFaults()
}

// Without scripts the page shows the same, and Tab stops at each bar.
func TestPageWithoutScripts(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	runs := reporttest.Night()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	b.open(pageOf(t, runs))
	checkBars(t, b, runs)
	if stops := b.number(`document.querySelectorAll(".lanes > .run[tabindex='0']").length`); int(stops) != len(runs) {
		t.Errorf("%v stops for %d bars", stops, len(runs))
	}
	b.press("Tab")
	b.press("Tab")
	if got := b.text(shownText); !strings.Contains(got, "backup: ran") {
		t.Errorf("the description is %q", got)
	}
	b.noFaults()
}

// Text from a journal is shown as text: no HTML, no script.
func TestHostilePage(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	b.open(pageOf(t, []journal.Run{reporttest.Hostile()}))
	if title := b.text(`document.title`); title != "Runs under locks" {
		t.Errorf("the title is %q", title)
	}
	if n := b.number(`document.querySelectorAll("img, iframe, [onerror], body script:not(:last-of-type)").length`); n != 0 {
		t.Errorf("%v elements that are not ours", n)
	}
	if text := b.text(`document.querySelector("h3 bdi").textContent`); text != printable.Text(reporttest.HostileText) {
		t.Errorf("the name is shown as %q", text)
	}
	if text := b.text(`document.documentElement.outerHTML`); strings.ContainsAny(text, "\x1b\u202e") {
		t.Error("control characters are in the page")
	}
	// The policy of the page stops a script that the page contains.
	b.eval(`document.body.insertAdjacentHTML("beforeend", "<img src=x onerror=document.title='owned'>") ?? 0`, new(any))
	b.eval(`new Promise((done) => setTimeout(done, 0)).then(() => 0)`, new(any))
	if title := b.text(`document.title`); title != "Runs under locks" {
		t.Errorf("a script of others has run")
	}
}

// A page of ten thousand runs loads within two seconds. The best of some loads counts. On
// a busy machine the load may take longer, but then less than two seconds of processor
// time.
func TestManyRuns(t *testing.T) {
	testproc.SkipLong(t)
	b := startBrowser(t)
	var runs []journal.Run
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range 10000 {
		r := journal.Run{
			Start: start.Add(time.Duration(i) * time.Minute), Lock: fmt.Sprintf("/run/lock/fsync/job-%d.lock", i%20), Name: fmt.Sprintf("job-%d", i%20),
			Command: []string{"job", "--number", strconv.Itoa(i)}, PID: i + 1, Host: "web1", User: "root",
			Waited: time.Duration(i%7) * time.Minute, Held: time.Duration(i%11+1) * time.Minute, Outcome: journal.Ran, Status: i % 13 / 12,
		}
		if i%17 == 0 {
			r.Outcome, r.Waited, r.Held = journal.Skipped, 0, 0
		}
		runs = append(runs, r)
	}
	path := pageOf(t, runs)
	b.resize(1280, 900, false)
	b.call("Performance.enable", nil, nil)
	best, work := math.Inf(1), math.Inf(1)
	for range 5 {
		start, before := time.Now(), b.processTime()
		b.open(path)
		// The second frame after this one comes when this one has been drawn.
		b.eval(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(0))))`, new(any))
		best, work = min(best, time.Since(start).Seconds()), min(work, b.processTime()-before)
		if best < 2 {
			break
		}
	}
	t.Logf("%.2f s, %.2f s of processor time", best, work)
	if best > 2 && work > 2 {
		t.Errorf("it takes %.2f s, and %.2f s of processor time", best, work)
	}
	if n := b.number(`document.querySelectorAll(".lanes > .run").length`); n != 10000 {
		t.Errorf("%v bars", n)
	}
	b.noFaults()
}

// processTime returns the processor time of the page's process, in seconds.
func (b *browser) processTime() float64 {
	b.t.Helper()
	var all struct {
		Metrics []struct {
			Name  string
			Value float64
		}
	}
	b.call("Performance.getMetrics", nil, &all)
	for _, m := range all.Metrics {
		if m.Name == "ProcessTime" {
			return m.Value
		}
	}
	b.t.Fatal("the browser does not tell its processor time")
	return 0
}

// picture writes a screenshot into a file.
func (b *browser) picture(path string) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png"}, &shot)
	png, err := base64.StdEncoding.DecodeString(shot.Data)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o666); err != nil {
		b.t.Fatal(err)
	}
}

// checkContrast checks the contrast ratios that WCAG 2 asks for at level AA: 4.5 for
// text, and 3 for graphics.
func checkContrast(t *testing.T, b *browser, scheme string) {
	t.Helper()
	colour := func(name string) [3]float64 {
		var c [3]float64
		hex := b.text(`getComputedStyle(document.documentElement).getPropertyValue("--` + name + `").trim()`)
		for i := range c {
			n, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
			if err != nil {
				t.Fatalf("%s is %q", name, hex)
			}
			c[i] = float64(n) / 255
		}
		return c
	}
	luminance := func(c [3]float64) float64 {
		for i, x := range c {
			if c[i] = x / 12.92; x > 0.04045 {
				c[i] = math.Pow((x+0.055)/1.055, 2.4)
			}
		}
		return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2]
	}
	for _, c := range []struct {
		name, ground string
		least        float64
	}{
		{"text", "page", 4.5}, {"text", "card", 4.5}, {"quiet", "page", 4.5}, {"quiet", "card", 4.5}, {"bad", "page", 4.5}, {"page", "text", 4.5},
		{"ok", "card", 3}, {"bad", "card", 3}, {"killed", "card", 3}, {"wait", "card", 3}, {"mark", "card", 3}, {"focus", "card", 3},
	} {
		x, y := luminance(colour(c.name)), luminance(colour(c.ground))
		if got := (max(x, y) + 0.05) / (min(x, y) + 0.05); got < c.least {
			t.Errorf("%s: %s on %s has a contrast of %.2f", scheme, c.name, c.ground, got)
		}
	}
}

// A short run after a long wait has a mark that shows its outcome.
func TestEndOfALongWait(t *testing.T) {
	t.Parallel()
	b := startBrowser(t)
	var runs []journal.Run
	for i, end := range []journal.Run{{Outcome: journal.Ran}, {Outcome: journal.Ran, Status: 1}, {Outcome: journal.Killed, Status: 124}} {
		end.Start = time.Date(2026, 3, 14, 1+i, 0, 0, 0, time.UTC)
		end.Lock, end.PID, end.Waited, end.Held = "/l", 4000+i, 30*time.Minute, time.Second
		runs = append(runs, end)
	}
	b.resize(800, 600, false)
	b.open(pageOf(t, runs))
	seen := map[string]bool{}
	for i := range runs {
		mark := fmt.Sprintf(`getComputedStyle(document.querySelectorAll(".lanes > .run")[%d], "::before")`, i)
		if width := b.text(mark + ".width"); width != "3px" {
			t.Errorf("run %d: the mark is %q wide", i, width)
		}
		seen[b.text(mark+".backgroundColor")] = true
	}
	if len(seen) != len(runs) {
		t.Errorf("the marks' colours: %v", seen)
	}
}
