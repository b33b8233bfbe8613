package emulator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// monitor speaks QEMU's machine protocol: JSON lines, one command at a time,
// events in between.
type monitor struct {
	conn    net.Conn
	answers chan message
	events  chan message
	ended   chan struct{}

	mu sync.Mutex
}

type message struct {
	Return json.RawMessage         `json:"return"`
	Error  *struct{ Desc string }  `json:"error"`
	Event  string                  `json:"event"`
	Data   struct{ Device string } `json:"data"`
}

// eventBacklog bounds what nobody has asked for.
const eventBacklog = 64

// newMonitor owns conn.
func newMonitor(ctx context.Context, conn net.Conn) (*monitor, error) {
	m := &monitor{conn: conn, answers: make(chan message, 1), events: make(chan message, eventBacklog), ended: make(chan struct{})}
	go m.read()
	if _, err := m.do(ctx, "qmp_capabilities", nil); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (m *monitor) read() {
	defer close(m.ended)
	in := bufio.NewScanner(m.conn)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var msg message
		if json.Unmarshal(in.Bytes(), &msg) != nil {
			continue
		}
		to := m.answers
		switch {
		case msg.Event != "":
			to = m.events
		case msg.Return == nil && msg.Error == nil:
			continue // the greeting
		}
		select {
		case to <- msg:
		default: // nobody waits for it any more
		}
	}
}

func (m *monitor) close() {
	m.conn.Close()
	<-m.ended
}

// answerWithin bounds a command: the monitor answers at once or never.
const answerWithin = 20 * time.Second

// do gives a command and waits for its answer.
func (m *monitor) do(ctx context.Context, command string, args map[string]any) (json.RawMessage, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	select {
	case <-m.answers: // of a command that was given up
	default:
	}
	b, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments(args)})
	if err == nil {
		_, err = m.conn.Write(append(b, '\n'))
	}
	if err != nil {
		return nil, fmt.Errorf("monitor: %s: %w", command, err)
	}
	select {
	case a := <-m.answers:
		if a.Error != nil {
			return nil, fmt.Errorf("monitor: %s: %s", command, a.Error.Desc)
		}
		return a.Return, nil
	case <-m.ended:
		return nil, fmt.Errorf("monitor: %s: %w", command, errGone)
	case <-ctx.Done():
		return nil, fmt.Errorf("monitor: %s: %w", command, ctx.Err())
	}
}

var errGone = errors.New("the emulator has ended")

func arguments(args map[string]any) map[string]any {
	if args == nil {
		return map[string]any{}
	}
	return args
}

// event waits for an event of a device.
func (m *monitor) event(ctx context.Context, name, device string) error {
	for {
		select {
		case e := <-m.events:
			if e.Event == name && e.Data.Device == device {
				return nil
			}
		case <-m.ended:
			return fmt.Errorf("monitor: wait for %s of %s: %w", name, device, errGone)
		case <-ctx.Done():
			return fmt.Errorf("monitor: wait for %s of %s: %w", name, device, ctx.Err())
		}
	}
}
