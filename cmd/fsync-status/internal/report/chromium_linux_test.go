package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fsync-lock/fsync/internal/testproc"
)

// A browser is a tab of a headless Chromium. The test controls it through a pipe, with
// messages of the DevTools protocol. Each message ends in a zero byte.
type browser struct {
	t       testing.TB
	to      *os.File
	session string

	mu      sync.Mutex
	next    int
	answers map[int]chan message
	loaded  chan bool
	faults  []string // errors and messages of the page
}

type message struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct{ Message string }
}

// startBrowser starts a browser. It skips the test if Chromium is not installed.
func startBrowser(t testing.TB) *browser {
	t.Helper()
	var path string
	err := exec.ErrNotFound
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err = exec.LookPath(name); err == nil {
			break
		}
	}
	if err != nil {
		t.Skip("Chromium is not installed")
	}
	commands, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, events, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
		"--force-device-scale-factor=1", "--font-render-hinting=none", "--user-data-dir="+t.TempDir(), "--remote-debugging-pipe", "about:blank")
	cmd.ExtraFiles = []*os.File{commands, events} // 3 and 4
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commands.Close()
	events.Close()
	b := &browser{t: t, to: to, answers: map[int]chan message{}, loaded: make(chan bool, 1)}
	done := make(chan bool)
	go func() {
		defer close(done)
		b.listen(from)
	}()
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		to.Close()
		from.Close()
		<-done
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var session struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &session)
	b.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// listen reads the messages of the browser until it ends.
func (b *browser) listen(from *os.File) {
	r := bufio.NewReader(from)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m message
		if err := json.Unmarshal(text[:len(text)-1], &m); err != nil {
			m = message{Method: "Log.entryAdded", Params: fmt.Appendf(nil, "%v: %s", err, text)}
		}
		b.mu.Lock()
		if answer := b.answers[m.ID]; answer != nil {
			delete(b.answers, m.ID)
			answer <- m
		}
		switch m.Method {
		case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
			b.faults = append(b.faults, string(m.Params))
		case "Page.loadEventFired":
			select {
			case b.loaded <- true:
			default:
			}
		}
		b.mu.Unlock()
	}
}

// call sends a command and decodes the result.
func (b *browser) call(method string, params map[string]any, result any) {
	b.t.Helper()
	m, err := b.ask(method, params)
	if err == nil && result != nil {
		err = json.Unmarshal(m.Result, result)
	}
	if err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
}

func (b *browser) ask(method string, params map[string]any) (message, error) {
	b.mu.Lock()
	b.next++
	id, answer := b.next, make(chan message, 1)
	b.answers[id] = answer
	b.mu.Unlock()
	request := map[string]any{"id": id, "method": method, "params": params}
	if params == nil {
		request["params"] = map[string]any{}
	}
	if b.session != "" {
		request["sessionId"] = b.session
	}
	text, err := json.Marshal(request)
	if err != nil {
		return message{}, err
	}
	if _, err := b.to.Write(append(text, 0)); err != nil {
		return message{}, err
	}
	select {
	case m := <-answer:
		if m.Error != nil {
			return m, errors.New(m.Error.Message)
		}
		return m, nil
	case <-time.After(testproc.Patience):
		return message{}, errors.New("no answer")
	}
}

// open loads a file and waits until it is loaded.
func (b *browser) open(path string) {
	b.t.Helper()
	select {
	case <-b.loaded:
	default:
	}
	b.call("Page.navigate", map[string]any{"url": "file://" + path}, nil)
	select {
	case <-b.loaded:
	case <-time.After(testproc.Patience):
		b.t.Fatal("the page does not load")
	}
}

// eval decodes the value of a JavaScript expression in the page.
func (b *browser) eval(expression string, result any) {
	b.t.Helper()
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("%s: %s", expression, r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, result); err != nil {
		b.t.Fatalf("%s: %v: %s", expression, err, r.Result.Value)
	}
}

func (b *browser) number(expression string) (x float64) {
	b.t.Helper()
	b.eval(expression, &x)
	return x
}

func (b *browser) text(expression string) (s string) {
	b.t.Helper()
	b.eval(expression, &s)
	return s
}

// resize gives the window the size of a screen.
func (b *browser) resize(width, height int, mobile bool) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile}, nil)
}

// media emulates a medium and a colour scheme.
func (b *browser) media(medium, scheme string) {
	b.t.Helper()
	b.call("Emulation.setEmulatedMedia", map[string]any{
		"media": medium, "features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}},
	}, nil)
}

func (b *browser) point(x, y float64) {
	b.t.Helper()
	b.call("Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": x, "y": y}, nil)
}

func (b *browser) press(key string) {
	b.t.Helper()
	codes := map[string]int{"Tab": 9, "ArrowRight": 39, "ArrowLeft": 37, "Home": 36, "End": 35}
	for _, kind := range []string{"rawKeyDown", "keyUp"} {
		b.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": codes[key]}, nil)
	}
}

// noFaults fails the test if the page has reported an error.
func (b *browser) noFaults() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.t.Errorf("errors of the page: %s", strings.Join(b.faults, "\n"))
	}
}
