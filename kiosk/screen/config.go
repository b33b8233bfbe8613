package screen

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/promtext"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

// Config is what the screens depend on besides the station.
type Config struct {
	Lang        words.Lang             // of pages that ask for none; "" is zh-CN
	Hosts       []string               // names (lower case) and addresses by which the kiosk may be asked, besides loopback
	InsecureLAN bool                   // reached without TLS from beyond loopback: every page says so
	Setup       func() Setup           // what the store has set up, as it is now
	Door        *staff.Door            // where staff sign in
	Keys        func(id string) []byte // keys that sign tickets, by ticket.KeyID; nil: none is known
	// Test tries a device: a page at a printer, each colour at a lamp, a beep and
	// an echo of the next code at a scanner. It ends when that was done. nil: no
	// device can be tried from here.
	Test func(ctx context.Context, device Device) error
	// Identify lets a device show which one it is. It ends when that was done.
	// nil: none can from here.
	Identify func(ctx context.Context, device Device) error
	// Lines are the last n lines of the daemon's log, the oldest first, made safe
	// to be shown: one line each, no control characters, no personal data. nil:
	// there is no log to be shown.
	Lines func(n int) []string
	// Support makes a support bundle, a .tar.gz without personal data, and a name
	// for its file of letters, digits, dots and dashes. nil: there is none.
	Support func(ctx context.Context) (name string, bundle []byte, err error)
	// Metrics adds families to /metrics; nil: there are no more.
	Metrics func(w *promtext.Writer)
	Real    func() time.Time // real time; nil is time.Now
	Log     *slog.Logger     // nil discards
}

// Setup is what the back office or the configuration say about the store.
type Setup struct {
	Store    string // its name, as customers know it
	Calendar kiosk.Calendar
	Menu     []MenuItem
	Staff    *staff.Directory
}

// MenuItem is one line of the service menu (维修项目).
type MenuItem struct {
	Code     string
	Text     string
	Category kiosk.Category
	Payer    string // one of kiosk.Payers
	Minutes  int    // standard minutes
}

// Limits of a connection.
const (
	MaxBody     = 64 << 10         // bytes of a request's body
	readWithin  = 10 * time.Second // a request's head and body
	writeWithin = 15 * time.Second // a page, or one message of a stream
	doWithin    = 10 * time.Second // an action, until it is durable
	maxStreams  = 512
	heartbeat   = 20 * time.Second
)

// How long the answer to a scan stays on a screen, in real time: at a bay, and
// at the customer's kiosk, where a number has to be read and remembered.
const (
	AnswerFor   = 5 * time.Second
	CustomerFor = 20 * time.Second
	RememberFor = time.Minute // while no printer works
)

// A customer's page that nobody touches asks after IdleFor whether somebody is
// still there, and WarnFor later goes back to the start.
const (
	IdleFor = 45 * time.Second
	WarnFor = 15 * time.Second
)

// NewServer is the HTTP server for h, with its time limits. Streams end when
// ctx does; the caller listens, serves and shuts down.
func NewServer(ctx context.Context, h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readWithin,
		ReadTimeout:       readWithin,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
}
