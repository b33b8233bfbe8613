package doctor

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"baylight/cmd/internal/settings"
)

// A broker sees a whole CONNECT under a name of the doctor's own, and what it
// answers is understood.
func TestBroker(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		want   error
	}{
		"accepts":        {"\x20\x02\x00\x00", nil},
		"wrong password": {"\x20\x02\x00\x04", errRefusal(4)},
		"not allowed":    {"\x20\x02\x00\x05", errRefusal(5)},
		"a web server":   {"HTTP/1.1 400 Bad Request\r\n", errMute},
		"hangs up":       {"", errMute},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		got := make(chan []byte, 1)
		go func() {
			conn, err := l.Accept()
			if err != nil {
				got <- nil
				return
			}
			defer conn.Close()
			b := make([]byte, 512)
			n, _ := conn.Read(b)
			_, _ = io.WriteString(conn, c.answer)
			got <- b[:n]
		}()
		set := &settings.Kiosk{Store: settings.Store{Name: "s"}, Name: "k1", MQTT: settings.MQTT{URL: "mqtt://" + l.Addr().String(), User: "u", Password: "pw"}}
		err = real{}.Broker(t.Context(), set)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
		if b := <-got; !bytes.Equal(b, []byte("\x10\x1e\x00\x04MQTT\x04\xc2\x00\x0a\x00\x0bs.k1.doctor\x00\x01u\x00\x02pw")) {
			t.Errorf("%s: it was sent % x", name, b)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		if err := (real{}).Broker(t.Context(), set); !errors.Is(err, errClosed) {
			t.Errorf("nobody there: %v", err)
		}
	}
	if long := connect(strings.Repeat("x", 300), "", ""); long[1] != 0xb8 || long[2] != 2 || len(long) != 3+0x138 {
		t.Errorf("a long CONNECT begins % x and has %d bytes", long[:4], len(long))
	}
	set := &settings.Kiosk{MQTT: settings.MQTT{URL: "mqtt://no-such-host.invalid"}}
	if err := (real{}).Broker(t.Context(), set); !errors.Is(err, errName) {
		t.Errorf("no name: %v", err)
	}
}

// What there is on any machine can be read; what is not is an error, not nothing.
func TestHere(t *testing.T) {
	m := real{}
	if free, size, err := m.Room(t.TempDir()); err != nil || free > size || size == 0 {
		t.Errorf("room: %d of %d, %v", free, size, err)
	}
	if now, err := m.Moment(); err != nil || now.Up <= 0 {
		t.Errorf("moment: %+v, %v", now, err)
	}
	if err := m.Line(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("line: %v", err)
	}
	if _, err := m.Ask(t.Context(), filepath.Join(t.TempDir(), "none.sock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("ask: %v", err)
	}
	f := Here(t.Context(), filepath.Join(t.TempDir(), "kiosk.toml"), "", "1")
	if f.Settings != nil || !errors.Is(f.Bad, fs.ErrNotExist) {
		t.Errorf("without a configuration: %+v", f)
	}
	path := filepath.Join(t.TempDir(), "kiosk.toml")
	const text = "schema = 1\n[store]\nname = \"s\"\ntag = \"0A7\"\nkey_file = \"none.key\"\n[kiosk]\nname = \"k1\"\nletter = \"A\"\nsocket = \"none.sock\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f = Here(t.Context(), path, "", "1")
	if f.Settings == nil || f.Settings.Name != "k1" || f.Bad == nil || !strings.Contains(f.Bad.Error(), "none.key") || f.Deaf == nil {
		t.Errorf("without a secret: %+v", f)
	}
}
