package screen

import (
	"net/http"
	"net/netip"
	"strconv"
	"sync/atomic"
	"time"

	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// nobody is who acts without having signed in.
const nobody = ""

// What may be done without signing in: customers do one thing in some seconds, and a
// full day has a few hundred customers. A flood may not wear out the card, nor hide
// the customers among visits that nobody opened. The kiosk's own browser comes from
// this machine and is nobody else's neighbour; all the others together have a share
// as well, because there may be many.
const (
	ownBurst, ownEvery = 300, 6 * time.Second
	allBurst, allEvery = 600, 3 * time.Second
)

// pace holds up floods of what nobody had to sign in for.
type pace struct {
	of   *staff.Pace
	said atomic.Int64 // when the log last spoke of it, in seconds since 1970
}

// paced refuses an action of somebody who does too much. An action that was done
// is answered again at no cost.
func (h *handler) paced(r *http.Request, key string) error {
	if _, done := h.recent.get(key); done {
		return nil
	}
	from := staff.Address(r)
	shares := []staff.Share{{Key: staff.Network(from), Burst: ownBurst, Every: ownEvery}}
	if ip, err := netip.ParseAddr(from); err != nil || !ip.IsLoopback() {
		shares = append(shares, staff.Share{Key: "all others", Burst: allBurst, Every: allEvery})
	}
	wait := h.pace.of.Take(shares...)
	if wait <= 0 {
		return nil
	}
	if now, last := h.cfg.Real().Unix(), h.pace.said.Load(); now-last >= 60 && h.pace.said.CompareAndSwap(last, now) {
		h.cfg.Log.Warn("too many actions without signing in: they are refused for a while", "from", from, "path", r.URL.Path)
	}
	return &refused{http.StatusTooManyRequests, words.Say("screen.busy", seconds(wait)), wait}
}

// seconds is a time to wait, in whole seconds and not too short.
func seconds(wait time.Duration) string {
	return strconv.Itoa(int((wait + time.Second - 1) / time.Second))
}
