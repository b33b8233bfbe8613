package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Config says what to start.
type Config struct {
	Dir    string   // an existing folder for sockets and files, this machine's own
	CPU    string   // the emulator's processor, "aarch64" by default
	Nice   int      // how much to give way to other programs, 0 to 19
	Args   []string // machine, kernel and so on; "chardev:wire" and "chardev:console" name the two serial lines
	Pins   bool     // follow the writes to the GPIO block
	Output *os.File // QEMU's own messages
}

// Machine is a running emulated board.
type Machine struct {
	// Console is the line to the init program, Wire the board's own UART.
	Console, Wire net.Conn
	// Watch follows the pins; nil unless asked for.
	Watch *Watch

	dir   string
	cmd   *exec.Cmd
	ended chan struct{}
	how   error // how QEMU ended, read after ended
	mon   *monitor
	plugs int
}

// connectWithin bounds how long QEMU may take to come up.
const connectWithin = 20 * time.Second

// Start starts QEMU and waits until all its wires are connected. The guest then
// begins to run.
func Start(ctx context.Context, cfg Config) (_ *Machine, err error) {
	m := &Machine{dir: cfg.Dir, ended: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("start emulated board: %w", err), m.Close())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, connectWithin)
	defer cancel()
	args := []string{"-n", strconv.Itoa(cfg.Nice), "qemu-system-" + cmp.Or(cfg.CPU, "aarch64"), "-accel", "tcg", "-display", "none", "-nodefaults", "-no-reboot"}
	trace := filepath.Join(cfg.Dir, "trace")
	if cfg.Pins {
		if err := os.WriteFile(trace, nil, 0o600); err != nil {
			return nil, err
		}
		args = append(args, "-msg", "timestamp=on", "-trace", "memory_region_ops_write", "-D", trace)
	}
	sockets := map[string]*net.Conn{"console": &m.Console, "wire": &m.Wire}
	listeners := map[string]net.Listener{}
	for name := range sockets {
		l, err := m.listen(name)
		if err != nil {
			return nil, err
		}
		defer l.Close()
		listeners[name] = l
		args = append(args, "-chardev", "socket,server=off,id="+name+",path="+m.socket(name))
	}
	qmp, err := m.listen("qmp")
	if err != nil {
		return nil, err
	}
	defer qmp.Close()
	args = append(args, "-chardev", "socket,server=off,id=qmp,path="+m.socket("qmp"), "-mon", "chardev=qmp,mode=control")
	if err := m.spawn(cfg.Output, append(args, cfg.Args...)); err != nil {
		return nil, err
	}
	for name, conn := range sockets {
		if *conn, err = m.accept(ctx, listeners[name]); err != nil {
			return nil, err
		}
	}
	c, err := m.accept(ctx, qmp)
	if err != nil {
		return nil, err
	}
	if m.mon, err = newMonitor(ctx, c); err != nil {
		return nil, err
	}
	if cfg.Pins {
		m.Watch, err = newWatch(trace)
	}
	return m, err
}

// spawn starts the process. It is killed if this one dies.
func (m *Machine) spawn(out *os.File, args []string) error {
	m.cmd = exec.Command("nice", args...)
	m.cmd.Stdout, m.cmd.Stderr = out, out
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.cmd.Start(); err != nil {
		m.cmd = nil
		return err
	}
	go func() {
		defer close(m.ended)
		m.how = m.cmd.Wait()
	}()
	return nil
}

func (m *Machine) socket(name string) string { return filepath.Join(m.dir, name+".sock") }

func (m *Machine) listen(name string) (net.Listener, error) {
	return net.Listen("unix", m.socket(name))
}

// accept waits for QEMU to connect, or to end.
func (m *Machine) accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-m.ended:
		case <-ctx.Done():
		case <-done:
			return
		}
		l.Close()
	}()
	c, err := l.Accept()
	if err != nil {
		return nil, fmt.Errorf("it does not connect: %w", err)
	}
	return c, nil
}

// Gone says how QEMU ended by itself; nil while it runs.
func (m *Machine) Gone() error {
	select {
	case <-m.ended:
		return fmt.Errorf("the emulator ended by itself: %v", m.how)
	default:
		return nil
	}
}

// Close ends the machine as a power cut does and waits for it.
func (m *Machine) Close() (err error) {
	if m.cmd != nil {
		err = m.cmd.Process.Kill()
		<-m.ended
		if errors.Is(err, os.ErrProcessDone) {
			err = nil
		}
	}
	if m.mon != nil {
		m.mon.close()
	}
	if m.Watch != nil {
		err = errors.Join(err, m.Watch.close())
	}
	for _, c := range []net.Conn{m.Console, m.Wire} {
		if c != nil {
			c.Close()
		}
	}
	return err
}

// Pins reads the pins' registers as they are now. An output's level is that of
// its level register.
func (m *Machine) Pins(ctx context.Context) (Pins, error) {
	raw, err := m.mon.do(ctx, "human-monitor-command", map[string]any{"command-line": fmt.Sprintf("xp /16wx %#x", gpioBase)})
	if err != nil {
		return Pins{}, err
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return Pins{}, fmt.Errorf("read registers: %w", err)
	}
	words, err := parseDump(text)
	if err != nil || len(words) < 16 {
		return Pins{}, fmt.Errorf("read registers: %d of 16 words: %w", len(words), err)
	}
	r := registers{function: [6]uint32(words[:6]), driven: [2]uint32(words[13:15])}
	return r.pins(), nil
}

// Plug plugs a USB serial adapter (FTDI) into a socket of the USB controller
// "usb" and gives the wire behind it.
func (m *Machine) Plug(ctx context.Context, id string, socket int) (net.Conn, error) {
	m.plugs++
	wire := fmt.Sprintf("%s-%d", id, m.plugs) // a new one each time: nothing sent to the old one comes out of it
	l, err := m.listen(wire)
	if err != nil {
		return nil, fmt.Errorf("plug in %s: %w", id, err)
	}
	defer l.Close()
	backend := map[string]any{"type": "socket", "data": map[string]any{"server": false,
		"addr": map[string]any{"type": "unix", "data": map[string]any{"path": m.socket(wire)}}}}
	if _, err := m.mon.do(ctx, "chardev-add", map[string]any{"id": wire, "backend": backend}); err != nil {
		return nil, fmt.Errorf("plug in %s: %w", id, err)
	}
	c, err := m.accept(ctx, l)
	if err != nil {
		return nil, fmt.Errorf("plug in %s: %w", id, err)
	}
	_, err = m.mon.do(ctx, "device_add", map[string]any{"driver": "usb-serial", "id": id, "chardev": wire,
		"serial": id, "bus": "usb.0", "port": strconv.Itoa(socket)})
	if err != nil {
		c.Close()
		return nil, fmt.Errorf("plug in %s: %w", id, err)
	}
	return c, nil
}

// Unplug pulls an adapter out; wire is what Plug gave. What was sent has left the
// adapter or is lost with it. When it returns the guest's controller sees an
// empty socket.
func (m *Machine) Unplug(ctx context.Context, id string, wire net.Conn) error {
	// QEMU 7.2 crashes when bytes reach an adapter that is just being removed.
	err := taken(ctx, wire)
	if err == nil {
		_, err = m.mon.do(ctx, "device_del", map[string]any{"id": id})
	}
	if err == nil {
		err = m.mon.event(ctx, "DEVICE_DELETED", id)
	}
	wire.Close()
	if err != nil {
		return fmt.Errorf("unplug %s: %w", id, err)
	}
	return nil
}

// takenWithin bounds how long QEMU may take to read a few bytes.
const takenWithin = 10 * time.Second

// taken waits until the other end has read all that was sent.
func taken(ctx context.Context, wire net.Conn) error {
	sc, ok := wire.(syscall.Conn)
	if !ok {
		return fmt.Errorf("a wire of type %T has no queue to look at", wire)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, takenWithin)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		queued, inner := 0, error(nil)
		err := raw.Control(func(fd uintptr) { queued, inner = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
		if err = errors.Join(err, inner); err != nil || queued == 0 {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%d bytes stay on the wire: %w", queued, ctx.Err())
		}
	}
}
