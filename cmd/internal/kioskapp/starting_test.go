package kioskapp_test

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// A kiosk that has to read long records at its start says so; at no time is
// its shop shown empty.
func TestStartIsNoEmptyShop(t *testing.T) {
	r := newRig(t)
	r.configure()
	fill(t, filepath.Join(r.dir, "data", "journal.db"), 20_003) // the last car is still there
	const number = "A000"
	stop, ended := make(chan struct{}), make(chan struct{})
	waited := 0
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			default:
			}
			res, err := http.Get("http://" + r.http + "/board?lang=en")
			if err != nil {
				continue // it does not listen yet
			}
			b, err := io.ReadAll(res.Body)
			check(t, err)
			res.Body.Close()
			switch page := string(b); {
			case res.StatusCode == http.StatusServiceUnavailable && strings.Contains(page, "Starting, please wait"):
				waited++
			case res.StatusCode != http.StatusOK || !strings.Contains(page, number):
				t.Errorf("%s: %s", res.Status, page)
				return
			}
		}
	}()
	r.start()
	close(stop)
	<-ended
	t.Logf("%d times it was said that the kiosk is starting", waited)
	r.shows("/board", number)
}
