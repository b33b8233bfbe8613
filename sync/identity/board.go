package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Identity is what a board enrolled with: its key and certificate, the
// authorities that it trusts, and where office and broker are.
type Identity struct {
	Name   Name
	Office string // host:port, to renew
	Broker string // mqtts://host:port

	key         *ecdsa.PrivateKey
	leaf        *x509.Certificate
	authorities []*x509.Certificate
}

// Until is when the certificate expires.
func (id *Identity) Until() time.Time { return id.leaf.NotAfter }

// Due is from when the certificate is to be renewed: two thirds of its life.
func (id *Identity) Due() time.Time { return due(id.leaf) }

// Begun is the earliest time that it can be: the office signed the certificate then.
func (id *Identity) Begun() time.Time { return id.leaf.NotBefore }

// ErrNone is in the error of a board that has not enrolled.
var ErrNone = errors.New("this board has no certificate: ask for a code with backofficed enroll, then say baylight enroll HOST:PORT CODE here")

// Load reads the identity in the file at path.
func Load(path string) (*Identity, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read identity: %w", ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	id, err := parse(b)
	if err != nil {
		return nil, fmt.Errorf("read identity %s: %w; enrol this board anew", path, err)
	}
	return id, nil
}

func parse(b []byte) (*Identity, error) {
	first, _ := pem.Decode(b)
	if first == nil {
		return nil, errors.New("it holds no key")
	}
	of, err := decode(b)
	if err != nil {
		return nil, err
	}
	return newIdentity(of.key, of.certs, first.Headers["Office"], first.Headers["Broker"])
}

// save writes everything as one file, so that nothing of it is ever of another
// day than the rest.
func (id *Identity) save(path string) error {
	key, err := x509.MarshalPKCS8PrivateKey(id.key)
	if err != nil {
		return fmt.Errorf("write identity: %w", err)
	}
	b := pem.EncodeToMemory(&pem.Block{Type: pemKey, Headers: map[string]string{"Office": id.Office, "Broker": id.Broker}, Bytes: key})
	if b == nil {
		return fmt.Errorf("write identity: the office says it is at %q", id.Office)
	}
	return write(path, append(b, encodeCertificates(append([]*x509.Certificate{id.leaf}, id.authorities...)...)...), 0o600)
}

// client are the settings of a connection to one of the office's servers.
func (id *Identity) client(host string, t Trust) *tls.Config {
	t.Earliest = latest(t.Earliest, id.Begun())
	// The check is check: with the authority, the name, and a time that may only
	// be bounded. The standard one knows a time or none.
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, Certificates: []tls.Certificate{pair(id.leaf, id.key)},
		InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
			return check(s.PeerCertificates, id.authorities, host, t)
		}}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// BoardConfig is what a Board works with.
type BoardConfig struct {
	Path  string       // of its identity
	Trust func() Trust // what the board knows of the time
	// Anew is called when the connection to the broker should be made anew: with
	// a renewed certificate, or because only now the clock is trusted.
	Anew func()
	Log  *slog.Logger // nil discards
}

// Board keeps the identity of a running board: it gives TLS settings and renews
// the certificate. It is a task.
type Board struct {
	cfg BoardConfig

	mu       sync.Mutex
	bounded  bool      // the last connection was checked without a trusted clock
	earliest time.Time // then: by what
	failed   error     // why the last renewal failed, nil if it did not
	kept     *Identity // as last read for Status, from the file that was
	was      os.FileInfo
}

// NewBoard makes the keeper of an identity; the file need not be there yet.
func NewBoard(cfg BoardConfig) *Board {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Anew == nil {
		cfg.Anew = func() {}
	}
	return &Board{cfg: cfg}
}

// TLS are the settings of one connection to the broker. The file is read each
// time, so that enrolling and renewing need no restart.
func (b *Board) TLS() (*tls.Config, error) {
	id, err := Load(b.cfg.Path)
	if err != nil {
		return nil, err
	}
	t := b.cfg.Trust()
	b.mu.Lock()
	b.bounded, b.earliest = !t.Trusted, latest(t.Earliest, id.Begun())
	b.mu.Unlock()
	return id.client(BrokerHost, t), nil
}

// Status is how a board's identity is.
type Status struct {
	Name  string    // "store/kiosk"; "" if it has not enrolled
	Until time.Time // of its certificate
	// Bounded: the connection was checked without a trusted clock, by the Earliest
	// time that it can be.
	Bounded  bool
	Earliest time.Time
	// Problem says in words what a person has to do something about; "" nothing.
	Problem string
}

// present is the identity in the file, read again when that is another: Status is
// asked for each page.
func (b *Board) present() (*Identity, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, err := os.Stat(b.cfg.Path)
	if err == nil && b.kept != nil && os.SameFile(now, b.was) && now.ModTime().Equal(b.was.ModTime()) && now.Size() == b.was.Size() {
		return b.kept, nil
	}
	b.kept = nil
	id, err := Load(b.cfg.Path)
	if err == nil && now != nil {
		b.kept, b.was = id, now
	}
	return id, err
}

// soon is how long before its certificate's end a person is told.
const soon = 30 * 24 * time.Hour

// Status reads how it is.
func (b *Board) Status() Status {
	id, err := b.present()
	if err != nil {
		return Status{Problem: err.Error()}
	}
	b.mu.Lock()
	s, failed := Status{Name: id.Name.String(), Until: id.Until(), Bounded: b.bounded, Earliest: b.earliest}, b.failed
	b.mu.Unlock()
	switch t := b.cfg.Trust(); {
	case t.at(id.leaf).After(id.Until()):
		s.Problem = fmt.Sprintf("the certificate of %s expired on %s: ask for a code with backofficed enroll, then say baylight enroll here", id.Name, id.Until().Format(time.DateOnly))
	case failed != nil && t.at(id.leaf).After(id.Until().Add(-soon)):
		s.Problem = fmt.Sprintf("the certificate of %s ends on %s and cannot be renewed: %v", id.Name, id.Until().Format(time.DateOnly), failed)
	}
	return s
}

// How often Run looks whether there is something to do.
const (
	lookEvery  = 2 * time.Second // whether the clock is trusted by now
	renewEvery = time.Hour       // between attempts to renew
)

// Run renews the certificate when it is due, and has the connection made anew
// once a clock is trusted that was not when it was made. It ends with ctx.
func (b *Board) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	var next time.Time
	for {
		b.look(ctx, &next)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (b *Board) look(ctx context.Context, next *time.Time) {
	t := b.cfg.Trust()
	b.mu.Lock()
	again := b.bounded && t.Trusted
	if again {
		b.bounded = false
	}
	b.mu.Unlock()
	if again {
		b.cfg.Log.Info("the clock is trusted: the broker's certificate is checked in full")
		b.cfg.Anew()
	}
	if time.Now().Before(*next) {
		return
	}
	id, err := Load(b.cfg.Path)
	if err != nil || t.at(id.leaf).Before(id.Due()) {
		return // not enrolled, or nothing to do
	}
	*next = time.Now().Add(renewEvery)
	fresh, err := renewed(ctx, id, t)
	if err == nil {
		err = fresh.save(b.cfg.Path)
	}
	b.mu.Lock()
	b.failed = err
	b.mu.Unlock()
	if err != nil {
		b.cfg.Log.Warn("the certificate cannot be renewed, trying on", "until", id.Until(), "err", err)
		return
	}
	b.cfg.Log.Info("the certificate is renewed", "until", fresh.Until())
	b.cfg.Anew()
}

// Ready is closed: a board works without a broker.
func (b *Board) Ready() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// String names the task.
func (b *Board) String() string { return "identity" }
