package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
)

// TestReadOnlyAtStart: a kiosk whose disk takes no writes says so on its screens,
// and works, by itself, once the disk does. Without --show-faults it ends.
func TestReadOnlyAtStart(t *testing.T) { cmdtest.Mounted(t, readOnlyAtStart) }

func readOnlyAtStart(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	must(t, os.Mkdir(data, 0o700))
	cmdtest.Tmpfs(t, data, "40m")
	must(t, syscall.Mount("", data, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""))
	listen := cmdtest.Address(t)
	config := filepath.Join(dir, "kiosk.toml")
	must(t, os.WriteFile(filepath.Join(dir, "store.key"), []byte("0123456789abcdef0123456789abcdef"), 0o600))
	must(t, os.WriteFile(config, fmt.Appendf(nil, "schema = 1\n[store]\nname = \"s\"\ntag = \"0A7\"\nkey_file = \"store.key\"\n"+
		"[kiosk]\nname = \"k1\"\nletter = \"A\"\ndata = \"data\"\nsocket = \"kiosk.sock\"\n[http]\nlisten = %q\n[mqtt]\nurl = \"mqtt://%s\"\n"+
		"[[scanner]]\nname = \"front\"\nplace = \"reception\"\ndevice = %q\n", listen, cmdtest.Address(t), filepath.Join(dir, "tty-front")), 0o600))

	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	if err := (&runCmd{Config: config}).run(t.Context(), log); err == nil || !strings.Contains(err.Error(), "read-only file system") {
		t.Fatalf("it ended with %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- (&runCmd{Config: config, ShowFaults: true}).run(ctx, log) }()
	get := func(path string, want int) string {
		t.Helper()
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.After(time.Minute); ; {
			if r, err := http.Get("http://" + listen + path); err == nil {
				b, err := io.ReadAll(r.Body)
				must(t, err)
				must(t, r.Body.Close())
				if r.StatusCode == want {
					return html.UnescapeString(string(b))
				}
			}
			select {
			case <-tick.C:
			case err := <-ended:
				t.Fatalf("it ended: %v", err)
			case <-deadline:
				t.Fatalf("%s is not answered with %d", path, want)
			}
		}
	}
	page := get("/bay/b1", http.StatusServiceUnavailable)
	for _, text := range []string{"本机无法保存数据", "This kiosk cannot record anything", "请关机再开机", "Switch the board off and on", data, "read-only file system"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page does not say %q:\n%s", text, page)
		}
	}
	if text := get("/healthz", http.StatusServiceUnavailable); !strings.Contains(text, "nothing can be recorded") {
		t.Error(text)
	}
	if there, err := os.ReadDir(data); err != nil || len(there) != 0 {
		t.Errorf("the disk has %v, %v", there, err)
	}
	must(t, syscall.Mount("", data, "", syscall.MS_REMOUNT, ""))
	get("/readyz", http.StatusOK)
	stop()
	must(t, <-ended)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
