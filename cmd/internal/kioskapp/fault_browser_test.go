package kioskapp_test

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"baylight/cmd/internal/firstrun"
	"baylight/cmd/internal/kioskapp"
)

// TestFaultOnScreens: screens that are open when a kiosk ends, and begins no more
// since its disk takes no writes, say so, and go on by themselves when it does.
func TestFaultOnScreens(t *testing.T) {
	r := newRig(t)
	r.up()
	browser := chromium(t)
	bay := r.sit(browser, landscape).open("/bay/b1")
	bay.is("document.body.dataset.listens")
	must(t, r.stop())
	mended := make(chan struct{})
	mend := sync.OnceFunc(func() { close(mended) })
	done := make(chan error, 1)
	go func() {
		done <- firstrun.Fault(t.Context(), firstrun.Options{Listen: r.http, Every: time.Millisecond}, func() error {
			select {
			case <-mended:
				return nil
			default:
				return &kioskapp.RecordsError{Data: r.data(), Err: errors.Join(errors.New("open journal"), &os.PathError{Op: "open", Path: r.data(), Err: syscall.EROFS})}
			}
		})
	}()
	t.Cleanup(mend)
	bay.sees("本机无法保存数据", "请关机再开机", "This kiosk cannot record anything", "read-only file system")
	if judge, err := os.ReadFile(axe); err == nil {
		bay.judged(string(judge), "fault")
	} else if os.Getenv("CI") != "" {
		t.Fatal("no axe-core: install with: npm install --prefix kiosk/screen/axe")
	}
	bay.shot("fault-records")
	mend()
	must(t, <-done)
	r.start()
	bay.is("document.body.classList.contains('page-bay')")
}
