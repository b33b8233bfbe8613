package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// BenchmarkReady is a start as systemd sees it: from exec to READY=1, with a
// journal of a few events, three scanners and a broker that is away. Beside it
// stands how long the program takes to say its version.
func BenchmarkReady(b *testing.B) {
	dir := b.TempDir()
	program := filepath.Join(dir, "kioskd")
	if out, err := exec.Command("go", "build", "-trimpath", "-o", program, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	shop(b, dir)
	var bare, whole time.Duration
	for b.Loop() {
		began := time.Now()
		if out, err := exec.Command(program, "--version").CombinedOutput(); err != nil {
			b.Fatalf("%v: %s", err, out)
		}
		bare += time.Since(began)
		whole += ready(b, program, dir)
	}
	b.ReportMetric(float64(bare.Microseconds())/1000/float64(b.N), "version-ms")
	b.ReportMetric(float64(whole.Microseconds())/1000/float64(b.N), "ready-ms")
	b.ReportMetric(float64(whole)/float64(bare), "ratio")
}

// ready starts the program, waits for READY=1 and has it end in order.
func ready(b *testing.B, program, dir string) time.Duration {
	b.Helper()
	path := filepath.Join(dir, "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(path)
	defer l.Close()
	c := exec.Command(program, "run", "--config", filepath.Join(dir, "kiosk.toml"))
	c.Env = append(os.Environ(), "NOTIFY_SOCKET="+path)
	began := time.Now()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	if err := l.SetReadDeadline(began.Add(time.Minute)); err != nil {
		b.Fatal(err)
	}
	var buf [64]byte
	n, err := l.Read(buf[:])
	took := time.Since(began)
	if err != nil || string(buf[:n]) != "READY=1" {
		b.Errorf("it told %q: %v", buf[:n], err)
	}
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		b.Error(err)
	}
	if err := c.Wait(); err != nil {
		b.Fatal(err)
	}
	return took
}

func shop(b *testing.B, dir string) {
	b.Helper()
	config := "schema = 1\nstaff_file = \"staff.toml\"\n[store]\nname = \"s\"\ntag = \"0A7\"\nkey_file = \"store.key\"\n[kiosk]\nname = \"k1\"\nletter = \"A\"\n" +
		"data = \"data\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n"
	for n := range 3 {
		config += fmt.Sprintf("[[bay]]\nid = \"b%d\"\n[[scanner]]\nname = \"s%d\"\nplace = \"b%d\"\ndevice = \"/dev/ttyNONE%d\"\n", n, n, n, n)
	}
	for name, text := range map[string]string{"kiosk.toml": config, "store.key": "0123456789abcdef0123456789abcdef",
		"staff.toml": "schema = 1\n[[person]]\nid = \"t01\"\nbadge = \"0A7A000001\"\nroles = [\"technician\"]\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
}
