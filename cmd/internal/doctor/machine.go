package doctor

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/line"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/identity"
)

// askWithin bounds one question to something outside this program.
const askWithin = 4 * time.Second

// Here are the facts of this machine: the configuration at path, and the kiosk at
// socket ("" is the configuration's).
func Here(ctx context.Context, path, socket, version string) *Facts {
	f := &Facts{Config: path, Files: os.DirFS("/"), Version: version, Built: clock.Built(), Now: time.Now(), Machine: real{}}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/mattn/go-sqlite3" {
				f.SQLite = m.Path + " " + m.Version
			}
		}
	}
	var err error
	if f.Settings, f.Bad = settings.KioskFor(settings.Beside, path); f.Bad != nil {
		if f.Settings, err = settings.KioskFor(settings.Bare, path); err != nil { // more is wrong than a secret
			f.Settings, f.Bad = nil, cmp.Or(unreadable(path), f.Bad)
		}
	}
	if f.Settings != nil {
		socket = cmp.Or(socket, f.Settings.Socket)
	}
	if socket != "" {
		f.State, f.Deaf = f.Machine.Ask(ctx, socket)
	}
	f.Running = f.State != nil || f.kioskRuns()
	return f
}

// unreadable says why a file cannot be read, nil if it can.
func unreadable(path string) error {
	if _, err := os.Stat(path); err != nil {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return file.Close()
}

// real is this machine.
type real struct{}

// Ask asks over the Unix socket.
func (real) Ask(ctx context.Context, socket string) (*kioskapp.State, error) {
	client := &http.Client{Timeout: askWithin, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://kiosk/state", nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the running kiosk answers %s: it may be older than this tool", res.Status)
	}
	var s kioskapp.State
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&s); err != nil {
		return nil, fmt.Errorf("read the kiosk's answer: %w", err)
	}
	return &s, nil
}

// Line opens and closes the device; it sends nothing.
func (real) Line(device string) error { return line.Check(device) }

// Reach connects and says nothing.
func (real) Reach(ctx context.Context, address string) error {
	d := net.Dialer{Timeout: askWithin}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

// Lamps asks for the pins without driving them.
func (real) Lamps(set *settings.Kiosk) []error {
	towers, err := kioskapp.Towers(set)
	if err != nil || len(towers) == 0 {
		return nil
	}
	open, err := lamp.OpenHost()
	if err != nil {
		return []error{err}
	}
	return lamp.Check(towers, open)
}

// Room asks the file system.
func (real) Room(dir string) (free, size uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}

// Moment reads the clocks.
func (real) Moment() (kiosk.Moment, error) {
	c, err := clock.NewSystem(time.UTC)
	if err != nil {
		return kiosk.Moment{}, err
	}
	return c.Now(), nil
}

// Unit asks systemctl.
func (real) Unit(ctx context.Context, name string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, "systemctl", "show", name, "--property=LoadState,ActiveState,UnitFileState,Result,NRestarts,WatchdogUSec")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return nil, errors.New(strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return nil, err
	}
	p := map[string]string{}
	for l := range strings.Lines(string(out)) {
		if k, v, ok := strings.Cut(strings.TrimSpace(l), "="); ok {
			p[k] = v
		}
	}
	if p["LoadState"] == "" {
		return nil, errors.New("systemctl says nothing")
	}
	return p, nil
}

// maxKernel bounds what is read of the kernel's log, in lines.
const maxKernel = 20_000

// Kernel reads /dev/kmsg to its present end.
func (real) Kernel() (lines []string, err error) {
	fd, err := syscall.Open("/dev/kmsg", syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/dev/kmsg", Err: err}
	}
	defer syscall.Close(fd)
	buf := make([]byte, 16<<10)
	for len(lines) < maxKernel {
		n, err := syscall.Read(fd, buf)
		switch {
		case errors.Is(err, syscall.EPIPE): // overwritten while it was read
			continue
		case errors.Is(err, syscall.EAGAIN), err == nil && n <= 0:
			return lines, nil
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: "/dev/kmsg", Err: err}
		}
		_, text, _ := strings.Cut(string(buf[:n]), ";")
		text, _, _ = strings.Cut(text, "\n")
		lines = append(lines, text)
	}
	return lines, nil
}

// Broker goes as far as the broker's acceptance and takes leave at once. It does
// so under a name of its own: under the board's, it would throw a running one off.
func (r real) Broker(ctx context.Context, set *settings.Kiosk) error {
	return knock(ctx, set, func() identity.Trust {
		m, err := r.Moment()
		return identity.Trust{Now: time.Now(), Trusted: err == nil && m.Clock == kiosk.Synced, Earliest: clock.Built()}
	})
}

// knock is Broker, with a clock as far as it can be trusted.
func knock(ctx context.Context, set *settings.Kiosk, trust func() identity.Trust) error {
	ctx, cancel := context.WithTimeout(ctx, 2*askWithin)
	defer cancel()
	u, err := url.Parse(set.MQTT.URL)
	if err != nil {
		return fmt.Errorf("%w: %w", errName, err)
	}
	secure := u.Scheme == "mqtts"
	port := cmp.Or(u.Port(), map[bool]string{false: "1883", true: "8883"}[secure])
	if _, err := net.DefaultResolver.LookupHost(ctx, u.Hostname()); err != nil {
		return fmt.Errorf("%w: %w", errName, err)
	}
	d := net.Dialer{Timeout: askWithin}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return fmt.Errorf("%w: %w", errClosed, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return err
	}
	if secure {
		cfg, err := brokerTLS(set, u.Hostname(), trust)
		if err != nil {
			return fmt.Errorf("%w: %w", errTLS, err)
		}
		t := tls.Client(conn, cfg)
		if err := t.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("%w: %w", errTLS, err)
		}
		conn = t
	}
	err = barred(greet(conn, set))
	if secure && errors.Is(err, errMute) && hungUp(err) && set.MQTT.User == "" {
		// It has proven to be the broker; what it says of a certificate may be lost as it hangs up.
		err = fmt.Errorf("%w: %w", errBarred, err)
	}
	return err
}

func hungUp(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// barred tells a broker that refuses the certificate: in TLS 1.3 that comes with
// the first answer, after the handshake.
func barred(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		return fmt.Errorf("%w: %w", errBarred, op.Err)
	}
	return err
}

// brokerTLS are the settings of an encrypted connection to the broker: those of
// the board's certificate, or of this machine's roots where it has none and shows
// a password.
func brokerTLS(set *settings.Kiosk, host string, trust func() identity.Trust) (*tls.Config, error) {
	cfg, err := identity.NewBoard(identity.BoardConfig{Path: set.MQTT.Identity, Trust: trust}).TLS()
	if errors.Is(err, identity.ErrNone) && set.MQTT.User != "" {
		return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}, nil
	}
	return cfg, err
}

// greet sends CONNECT, reads CONNACK and takes leave (MQTT 3.1.1, 3.1 and 3.2).
func greet(conn io.ReadWriter, set *settings.Kiosk) error {
	if _, err := conn.Write(connect(set.Store.Name+"."+set.Name+".doctor", set.MQTT.User, set.MQTT.Password)); err != nil {
		return fmt.Errorf("%w: %w", errMute, err)
	}
	var ack [4]byte
	if _, err := io.ReadFull(conn, ack[:]); err != nil {
		return fmt.Errorf("%w: %w", errMute, err)
	}
	if ack[0] != 0x20 || ack[1] != 2 {
		return fmt.Errorf("%w: it answered % x", errMute, ack)
	}
	if ack[3] != 0 {
		return errRefusal(ack[3])
	}
	_, _ = conn.Write([]byte{0xe0, 0}) // taking leave is a courtesy
	return nil
}

func connect(client, user, password string) []byte {
	var body bytes.Buffer
	text := func(s string) {
		s = s[:min(len(s), 1<<16-1)]
		body.Write([]byte{byte(len(s) >> 8), byte(len(s))})
		body.WriteString(s)
	}
	text("MQTT")
	flags := byte(2) // a clean session
	if user != "" {
		flags |= 0x80
	}
	if password != "" {
		flags |= 0x40
	}
	body.Write([]byte{4, flags, 0, 10})
	text(client)
	if user != "" {
		text(user)
	}
	if password != "" {
		text(password)
	}
	out := []byte{0x10}
	n := body.Len()
	for {
		b := byte(n & 0x7f)
		if n >>= 7; n > 0 {
			out = append(out, b|0x80)
			continue
		}
		return append(append(out, b), body.Bytes()...)
	}
}
