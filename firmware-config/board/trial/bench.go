package trial

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"baylight/firmware-config/board/agent"
)

// tail keeps the last lines of the guest's console that were no answers.
type tail struct {
	mu    sync.Mutex
	lines []string
}

func (t *tail) add(line string) {
	if line == "" {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.lines = append(t.lines[max(0, len(t.lines)-40):], line)
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.Join(t.lines, "\n")
}

// do asks the guest, bounded.
func (b *bench) do(q agent.Request) (agent.Response, error) {
	within := patience
	if q.Within == 0 {
		q.Within = int(patience.Milliseconds())
	}
	ctx, cancel := context.WithTimeout(b.ctx, within+10*time.Second)
	defer cancel()
	return b.guest.Do(ctx, q)
}

// log is what there is to say when a trial cannot go on.
func (b *bench) log() string {
	a, err := b.do(agent.Request{Do: agent.Log})
	if err != nil {
		return fmt.Sprintf("%v; the console said:\n%s", err, b.tail)
	}
	return a.Out
}

// await asks until ok holds; what is what it waits for.
func (b *bench) await(what string, ok func() (bool, error)) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	end := time.After(patience)
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			return fmt.Errorf("%s: %w", what, b.ctx.Err())
		case <-end:
			return fmt.Errorf("%s: not within %v", what, patience)
		}
	}
}

// The addresses and paths inside the guest.
const (
	configPath = "/etc/baylight/kiosk.toml"
	dataPath   = "/var/lib/baylight"
	pages      = "127.0.0.1:8080"
)

// configure writes the files that a store's IT person would write.
func (b *bench) configure(files map[string]string) error {
	for path, text := range files {
		if _, err := b.do(agent.Request{Do: agent.Write, Path: path, Text: text}); err != nil {
			return fmt.Errorf("configure: %w", err)
		}
	}
	return nil
}

// start starts kioskd and waits until it is ready; took is how long that was.
func (b *bench) start() (took time.Duration, err error) {
	began := time.Now()
	a, err := b.do(agent.Request{Do: agent.Start, Args: []string{"/bin/kioskd", "run", "--config", configPath}})
	if err != nil {
		return 0, err
	}
	b.pid = a.Code
	err = b.await("kioskd is ready", func() (bool, error) {
		a, err := b.do(agent.Request{Do: agent.Get, URL: "http://" + pages + "/readyz"})
		if errors.Is(err, agent.ErrGone) {
			return false, err
		}
		return err == nil && a.Code == 200, nil
	})
	return time.Since(began), err
}

// end sends the daemon a signal and expects how it ends: an exit code, or less
// than 0 for a signal.
func (b *bench) end(s syscall.Signal, want int) (took time.Duration, err error) {
	a, err := b.do(agent.Request{Do: agent.Signal, Signal: int(s)})
	if err == nil && a.Code != want {
		err = fmt.Errorf("it ended with %d, want %d", a.Code, want)
	}
	return time.Duration(a.Took) * time.Millisecond, err
}

// events reads the journal of a daemon that does not run.
func (b *bench) events() ([]agent.Event, error) {
	a, err := b.do(agent.Request{Do: agent.Journal, Path: dataPath + "/journal.db", Source: source})
	return a.Events, err
}

// effort is what the daemon has cost so far: calls of read, and processor time
// in ticks of 10 ms. An emulated processor is also charged for the time that the
// machine below gives to others, so that only the calls are a firm figure.
func (b *bench) effort() (reads, ticks int, err error) {
	proc := fmt.Sprintf("/proc/%d/", b.pid)
	io, err := b.do(agent.Request{Do: agent.Read, Path: proc + "io"})
	if err != nil {
		return 0, 0, err
	}
	stat, err := b.do(agent.Request{Do: agent.Read, Path: proc + "stat"})
	if err != nil {
		return 0, 0, err
	}
	_, calls, _ := strings.Cut(io.Out, "syscr: ")
	// Behind the name in brackets: state first, user and system time as 12th and 13th.
	_, rest, _ := strings.Cut(stat.Out, ") ")
	f := strings.Fields(rest)
	var user, system int
	if n, _ := fmt.Sscan(calls, &reads); n != 1 || len(f) < 13 { // what is missing shows in n
		return 0, 0, fmt.Errorf("read the daemon's effort: %q, %q", io.Out, stat.Out)
	}
	if _, err := fmt.Sscan(f[11]+" "+f[12], &user, &system); err != nil {
		return 0, 0, fmt.Errorf("read the daemon's effort: %w", err)
	}
	return reads, user + system, nil
}

// sound demands that the kernel had nothing to complain about.
func (b *bench) sound() error {
	a, err := b.do(agent.Request{Do: agent.Log})
	if err != nil {
		return err
	}
	for _, bad := range []string{"Oops", "BUG:", "WARNING:", "Call trace:"} {
		if i := strings.Index(a.Out, bad); i >= 0 {
			return fmt.Errorf("the kernel's log has %.300q", a.Out[i:])
		}
	}
	return nil
}

// device is one device as the daemon reports it.
type device struct {
	Name       string `json:"name"`
	Up         bool   `json:"up"`
	Reason     string `json:"reason"`
	Reconnects int    `json:"reconnects"`
}

// device asks the daemon for one of its devices.
func (b *bench) device(name string) (device, error) {
	a, err := b.do(agent.Request{Do: agent.Get, URL: "http://" + pages + "/healthz"})
	if err != nil {
		return device{}, err
	}
	var h struct {
		Devices []device `json:"devices"`
	}
	if err := json.Unmarshal([]byte(a.Out), &h); err != nil {
		return device{}, fmt.Errorf("read /healthz: %w", err)
	}
	for _, d := range h.Devices {
		if d.Name == name {
			return d, nil
		}
	}
	return device{}, fmt.Errorf("/healthz names no device %s: %.400s", name, a.Out)
}

// missing are the scans that the journal does not hold.
func missing(acknowledged []string, events []agent.Event) (lost []string) {
	has := map[string]bool{}
	for _, e := range events {
		has[e.Scan] = true
	}
	for _, c := range acknowledged {
		if !has[c] {
			lost = append(lost, c)
		}
	}
	return lost
}
