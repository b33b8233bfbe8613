package kioskapp_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/screen"
	"baylight/kiosk/staff"
)

// slow is a station that has read 42 of 99 records, and never more.
type slow struct{ screen.Station }

func (slow) Snapshot() *screen.Snapshot {
	return &screen.Snapshot{Starting: true, Read: 42, Head: 99}
}
func (slow) Now() kiosk.Moment                    { return kiosk.Moment{Wall: time.Now()} }
func (slow) Subscribe() (<-chan struct{}, func()) { return nil, func() {} }

// TestStartingOnScreens: screens that are open when a kiosk starts anew, and has
// much to read, say so, and go on by themselves when it is there.
func TestStartingOnScreens(t *testing.T) {
	r := newRig(t)
	r.up()
	browser := chromium(t)
	bay := r.sit(browser, landscape).open("/bay/b1")
	bay.is("document.body.dataset.listens")
	must(t, r.stop())
	l, err := net.Listen("tcp", r.http)
	must(t, err)
	ctx, end := context.WithCancel(t.Context()) // of the streams
	defer end()
	pages := screen.New(screen.Config{Setup: func() screen.Setup { return screen.Setup{Store: "晨光汽车"} }, Door: staff.NewDoor(nil, nil, time.Now)}, slow{})
	asked := make(chan struct{})
	srv := &http.Server{BaseContext: func(net.Listener) context.Context { return ctx }, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		pages.ServeHTTP(w, req)
		select {
		case asked <- struct{}{}:
		default:
		}
	})}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	bay.sees("正在启动，请稍候", "Starting, please wait", "已读取记录 42%", "听到了才算记下")
	if judge, err := os.ReadFile(axe); err == nil {
		bay.judged(string(judge), "starting")
	} else if os.Getenv("CI") != "" {
		t.Fatal("no axe-core: install with: npm install --prefix kiosk/screen/axe")
	}
	bay.shot("starting")
	<-asked // and not again for a while, in which nobody listens
	end()
	must(t, srv.Shutdown(t.Context()))
	<-done
	r.start()
	bay.is("document.body.classList.contains('page-bay')")
}
