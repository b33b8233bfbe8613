package kioskapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk/floor"
	"baylight/kiosk/words"
)

// The people's tool reaches a running kiosk over HTTP on a Unix socket. Who may
// open the socket may do what stands here; there is no other sign-in.

// Tool bounds.
const (
	toolBody   = 8 << 10
	toolWithin = 30 * time.Second
)

// Answer is what a tool is told.
type Answer struct {
	Good    bool   `json:"good"`
	Message string `json:"message"`
}

// socket makes the tool's listener. A socket that a dead daemon left is removed;
// one that answers belongs to a living one.
func (a *app) socket() error {
	path := a.set.Socket
	if path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("make folder of the tool's socket: %w", err)
	}
	if c, err := net.Dial("unix", path); err == nil {
		c.Close()
		return fmt.Errorf("open %s: another kioskd answers there; stop it first", path)
	}
	if st, err := os.Lstat(path); err == nil && st.Mode()&os.ModeSocket == 0 {
		return fmt.Errorf("open %s for the tool: something else stands there; name another place in kiosk.socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove what an earlier run left: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return fmt.Errorf("open the tool's socket: %w", err)
	}
	if err := os.Chmod(path, 0o660); err != nil {
		return errors.Join(fmt.Errorf("set permissions of the tool's socket: %w", err), l.Close())
	}
	a.tasks = append(a.tasks, &task.Web{Name: "tools", Listener: l, Handler: func(ctx context.Context) *http.Server {
		return &http.Server{Handler: a.tools(), ReadTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return ctx }}
	}})
	return nil
}

func (a *app) tools() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /devices", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.devices.list()) })
	mux.HandleFunc("GET /outbox", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.uplink.Status()) })
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, _ *http.Request) { answer(w, a.state()) })
	mux.HandleFunc("POST /scan", a.toolScan)
	mux.HandleFunc("POST /resend", a.toolResend)
	mux.HandleFunc("POST /print/test", a.toolPrint)
	mux.HandleFunc("POST /lamp/test", a.toolLamp)
	return a.withBackup(http.TimeoutHandler(http.MaxBytesHandler(mux, toolBody), toolWithin, `{"good":false,"message":"the kiosk did not answer in time"}`))
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the tool may have gone
}

// toolScan hands a code over as if a scanner had read it.
func (a *app) toolScan(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("scanner")
	if name == "" && len(a.set.Scanners) > 0 {
		name = a.set.Scanners[0].Name
	}
	i := slices.IndexFunc(a.set.Scanners, func(s settings.Scanner) bool { return s.Name == name })
	if i < 0 || r.FormValue("text") == "" {
		answer(w, Answer{Message: fmt.Sprintf("no scanner is called %q, or there is nothing to scan", name)})
		return
	}
	reply, err := a.station.Do(r.Context(), floor.Scan{Scanner: name, Text: r.FormValue("text"), Symbology: "typed"})
	if err != nil {
		answer(w, Answer{Message: err.Error()})
		return
	}
	answer(w, Answer{Good: reply.Good, Message: reply.Message.In(words.ZH) + " · " + reply.Message.In(words.EN)})
}

// toolResend sends a range of events once more; the back office counts none of
// them twice.
func (a *app) toolResend(w http.ResponseWriter, r *http.Request) {
	from, to, err := resendRange(r.FormValue("from"), r.FormValue("to"), a.uplink.Status().Head)
	if err == nil {
		err = a.uplink.Resend(r.Context(), from, to)
	}
	if err != nil {
		answer(w, Answer{Message: err.Error()})
		return
	}
	answer(w, Answer{Good: true, Message: fmt.Sprintf("events %d to %d are sent again, as far as they were sent before", from, to)})
}

// resendRange reads a range of what was recorded so far, up to head.
func resendRange(first, last string, head uint64) (from, to uint64, err error) {
	from, errFrom := strconv.ParseUint(first, 10, 64)
	to, errTo := strconv.ParseUint(last, 10, 64)
	switch {
	case errFrom != nil || errTo != nil:
		err = fmt.Errorf("resend events: %.20q to %.20q is no range; give the sequences of the first and the last event, such as 1 and 500", first, last)
	case from == 0 || to < from:
		err = fmt.Errorf("resend events: %d to %d is no range; sequences count from 1, and the last is not below the first", from, to)
	case from > head:
		err = fmt.Errorf("resend events: %d is not recorded yet, the last event is %d; baylight outbox tells what there is", from, head)
	}
	return from, min(to, head), err
}

// toolPrint prints the test page.
func (a *app) toolPrint(w http.ResponseWriter, r *http.Request) {
	out, err := a.tryPrinter(r.Context())
	if err != nil {
		answer(w, Answer{Message: err.Error()})
		return
	}
	answer(w, Answer{Good: true, Message: "test page: " + string(out)})
}

// toolLamp tries the lamps, or one bay's.
func (a *app) toolLamp(w http.ResponseWriter, r *http.Request) {
	if err := a.tryLamps(r.Context(), r.FormValue("bay")); err != nil {
		answer(w, Answer{Message: err.Error()})
		return
	}
	answer(w, Answer{Good: true, Message: "white, green, amber, red, blue were shown; the lamps follow the bays again"})
}
