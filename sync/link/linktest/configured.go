package linktest

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// StartShipped starts Mosquitto with a configuration that is shipped, on a free
// port of loopback: its "listener 8883" and the folder /var/lib/baylight-broker are
// replaced. Reload lets it read its files again.
func StartShipped(tb testing.TB, conf, dir string) *Mosquitto {
	tb.Helper()
	m := NewMosquitto(tb, "") // has an address, and skips the test where there is no program
	b, err := os.ReadFile(conf)
	if err != nil {
		tb.Fatal(err)
	}
	_, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		tb.Fatal(err)
	}
	text := strings.Replace(string(b), "listener 8883\n", "listener "+port+" 127.0.0.1\n", 1)
	text = strings.ReplaceAll(text, "/var/lib/baylight-broker/", dir+"/")
	text += "\npersistence false\nlog_dest none\nuser root\n" // as who runs the test
	m.conf = filepath.Join(tb.TempDir(), "shipped.conf")
	if err := os.WriteFile(m.conf, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	m.Start()
	return m
}

// Reload tells it to read its files again; it does so at some time after.
func (m *Mosquitto) Reload() {
	m.tb.Helper()
	if err := m.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		m.tb.Fatal(err)
	}
}
