package identity

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"baylight/sync/wire"
)

// The files that Mosquitto reads; firmware-config/mosquitto/baylight.conf names them.
const (
	BrokerCA   = "ca.pem"     // who signs boards
	BrokerPair = "broker.pem" // its own certificate and key in one file, so that they are changed together
	BrokerCRL  = "crl.pem"    // who is refused
	BrokerACL  = "acl"        // who may read and write what
)

// ownTopics are a board's own, as patterns: %u is the name in its certificate,
// "store/kiosk".
var ownTopics = []struct{ access, topic string }{
	{"write", "event/+"}, {"write", "person"}, {"readwrite", "conn"}, {"write", "bay/+"}, {"write", "health"}, {"write", "time"},
	{"read", "receipt"}, {"read", "cmd/+"},
}

// storeTopics are those of a store that its boards read.
var storeTopics = []string{"office", "visits", "visits/+", "setup", "staff", "bookings/+", "erasures"}

// ACL is Mosquitto's list of who may read and write what: each board its own
// topics by pattern, each enrolled board the topics of its store by name, an
// office everything of its store, and nobody anything else.
func ACL(stores []string, boards []Enrolled) []byte {
	var b bytes.Buffer
	b.WriteString("# Written by backofficed; what is changed here is lost. %u is the name in a certificate.\n")
	for _, t := range ownTopics {
		fmt.Fprintf(&b, "pattern %s %s%%u/%s\n", t.access, wire.Prefix, t.topic)
	}
	sorted := slices.Sorted(slices.Values(stores))
	for _, s := range sorted {
		fmt.Fprintf(&b, "\nuser %s\ntopic readwrite %s%s/#\n", Name{s, wire.Backoffice}, wire.Prefix, s)
	}
	for _, x := range boards {
		fmt.Fprintf(&b, "\nuser %s\n", x.Name)
		if !x.Revoked.IsZero() { // what it still has of a connection is worth nothing
			fmt.Fprintf(&b, "topic deny %s#\n", wire.Prefix)
			continue
		}
		for _, t := range storeTopics {
			fmt.Fprintf(&b, "topic read %s%s/%s\n", wire.Prefix, x.Name.Store, t)
		}
	}
	return b.Bytes()
}

// Publish brings the files of the broker up to date. A file that says what it
// should is left as it is, so that a change means something.
func (a *Authority) Publish() error {
	if a.cfg.BrokerDir == "" {
		return nil
	}
	err := locked(a.cfg.Dir, func() error {
		r, err := loadRegister(a.path(registerName))
		if err != nil {
			return err
		}
		now := a.cfg.Now()
		if _, err := os.Stat(a.cfg.BrokerDir); err != nil {
			return fmt.Errorf("%w; make it: install -d -m 2750 -o baylight -g mosquitto %s", err, a.cfg.BrokerDir)
		}
		return errors.Join(
			writeIfNew(a.brokerPath(BrokerCA), encodeCertificates(a.cert), 0o640),
			a.publishPair(now),
			writeIfNew(a.brokerPath(BrokerACL), ACL(a.cfg.Stores, r.boards()), 0o640),
			a.publishRevocations(r, now))
	})
	if err != nil {
		return fmt.Errorf("write the broker's files: %w", err)
	}
	return nil
}

func (a *Authority) brokerPath(name string) string { return filepath.Join(a.cfg.BrokerDir, name) }

// publishPair renews the broker's certificate when it is due, names other hosts, or
// is of another authority.
func (a *Authority) publishPair(now time.Time) error {
	names := append([]string{BrokerHost}, a.cfg.Names...)
	if b, err := os.ReadFile(a.brokerPath(BrokerPair)); err == nil {
		old, err := decode(b)
		if err == nil && old.key != nil && len(old.certs) == 1 && now.Before(due(old.certs[0])) && old.certs[0].CheckSignatureFrom(a.cert) == nil && sameNames(old.certs[0], names) {
			return nil
		}
	}
	if err := a.clockIsSane(); err != nil {
		return err
	}
	k, err := newKey()
	if err != nil {
		return err
	}
	c, err := sign(forServer(names, now, brokerLife), a.cert, &k.PublicKey, a.key)
	if err != nil {
		return err
	}
	key, err := encodeKey(k)
	if err != nil {
		return err
	}
	return write(a.brokerPath(BrokerPair), append(encodeCertificates(c), key...), 0o640)
}

func sameNames(c *x509.Certificate, names []string) bool {
	have := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		have = append(have, ip.String())
	}
	want := slices.Clone(names)
	slices.Sort(have)
	slices.Sort(want)
	return slices.Equal(have, want)
}

// publishRevocations signs a new list if another one is called for: its content
// has changed or it is not of this authority.
func (a *Authority) publishRevocations(r *register, now time.Time) error {
	var want []string
	for _, s := range r.Signed {
		if !s.Revoked.IsZero() {
			want = append(want, s.Serial)
		}
	}
	if b, err := os.ReadFile(a.brokerPath(BrokerCRL)); err == nil && a.lists(b, want) {
		return nil
	}
	r.CRL++
	if err := r.save(a.path(registerName)); err != nil {
		return err
	}
	b, err := a.revocations(r, now)
	if err != nil {
		return err
	}
	return write(a.brokerPath(BrokerCRL), b, 0o640)
}

// lists says whether b is a list of exactly these certificates.
func (a *Authority) lists(b []byte, want []string) bool {
	block, _ := pem.Decode(b)
	if block == nil {
		return false
	}
	l, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || l.CheckSignatureFrom(a.cert) != nil {
		return false
	}
	var have []string
	for _, e := range l.RevokedCertificateEntries {
		have = append(have, e.SerialNumber.Text(16))
	}
	return strings.Join(have, " ") == strings.Join(want, " ")
}

// Run keeps the broker's files up to date until ctx ends: its certificate is
// renewed, and what the commands beside the daemon left undone is done.
func (a *Authority) Run(ctx context.Context) error {
	for {
		if err := a.Publish(); err != nil {
			a.cfg.Log.Error("the broker's files are not up to date", "err", err)
		}
		t := time.NewTimer(time.Hour)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Ready is closed: others need not wait.
func (a *Authority) Ready() <-chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}

// String names the task.
func (a *Authority) String() string { return "authority" }
