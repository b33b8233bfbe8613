package firstrun_test

import (
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/cmdtest"
	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/kioskapp"
	"baylight/kiosk/journal"
)

// A kiosk that cannot record says why, and what a person does about it, in both
// languages, until it can.
func TestFaultOfRecords(t *testing.T) {
	for name, c := range map[string]struct {
		wrong  error
		zh, en string
	}{
		"readonly":        {&os.PathError{Op: "open", Path: "/data/journal.db.lock", Err: syscall.EROFS}, "请关机再开机", "Switch the board off and on"},
		"denied":          {&os.PathError{Op: "open", Path: "/data/journal.db.lock", Err: syscall.EACCES}, "无权写入 /data<b>", "sudo chown -R baylight: /data<b>"},
		"denied to write": {fmt.Errorf("open: %w", journal.ErrReadOnly), "无权写入", "may not write"},
		"full":            {fmt.Errorf("open: %w", journal.ErrFull), "磁盘已满", "Make room"},
		"full, a folder":  {fmt.Errorf("mkdir: %w", syscall.ENOSPC), "磁盘已满", "Make room"},
		"in use":          {fmt.Errorf("open: %w", journal.ErrInUse), "另一个程序", "Another program"},
		"foreign":         {fmt.Errorf("open: %w", journal.ErrForeign), "不属于本机", "not this board's"},
		"newer":           {fmt.Errorf("open: %w", journal.ErrTooNew), "更新版本", "newer program"},
		"anything else":   {errors.New("the card is <i>gone</i>"), "请排除以下问题", "baylight doctor"},
	} {
		t.Run(name, func(t *testing.T) {
			listen := cmdtest.Address(t)
			ready, done := make(chan struct{}), make(chan error, 1)
			var mended atomic.Bool
			read := func() error {
				if mended.Load() {
					return nil
				}
				return fmt.Errorf("start: %w", &kioskapp.RecordsError{Data: "/data<b>", Err: c.wrong})
			}
			go func() {
				done <- firstrun.Fault(t.Context(), firstrun.Options{Path: "/etc/baylight/kiosk.toml", Listen: listen, Hosts: []string{"kiosk.example"}, Every: time.Millisecond, Ready: func() { close(ready) }}, read)
			}()
			<-ready
			get := func(path, host string) (int, string) {
				t.Helper()
				q, err := http.NewRequest(http.MethodGet, "http://"+listen+path, nil)
				must(t, err)
				q.Host = host
				r, err := http.DefaultClient.Do(q)
				must(t, err)
				b, err := io.ReadAll(r.Body)
				must(t, err)
				must(t, r.Body.Close())
				return r.StatusCode, string(b)
			}
			for _, path := range []string{"/bay/b1", "/desk?lang=en"} {
				status, page := get(path, "kiosk.example")
				if status != http.StatusServiceUnavailable || strings.Contains(page, "<b>") || strings.Contains(page, "<i>") || strings.Contains(page, "kiosk.toml") {
					t.Errorf("%s: %d: %s", path, status, page)
				}
				text := html.UnescapeString(page)
				for _, want := range []string{"本机无法保存数据", "This kiosk cannot record anything", "Baylight <small>" + map[string]string{"/bay/b1": "暂停服务", "/desk?lang=en": "Out of service"}[path], c.zh, c.en, c.wrong.Error()} {
					if !strings.Contains(text, want) {
						t.Errorf("%s does not say %q:\n%s", path, want, page)
					}
				}
			}
			if status, text := get("/healthz", "kiosk.example"); status != http.StatusServiceUnavailable || !strings.Contains(text, "nothing can be recorded") {
				t.Errorf("%d: %s", status, text)
			}
			if status, text := get("/stream", "kiosk.example"); status != http.StatusOK || !strings.Contains(text, "event: change\ndata: {\"run\":\"fault\",") {
				t.Errorf("%d: %s", status, text)
			}
			if status, _ := get("/", "other.example"); status != http.StatusMisdirectedRequest {
				t.Errorf("under a foreign name: %d", status)
			}
			http.DefaultClient.CloseIdleConnections()
			mended.Store(true)
			must(t, <-done)
		})
	}
}
