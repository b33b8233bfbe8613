package identity

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"baylight/sync/wire"
)

// Config says what an authority keeps where, and what it tells boards.
type Config struct {
	Dir       string           // of its key and register: only the office reads it
	BrokerDir string           // of the files that the broker reads; "": none are written
	Names     []string         // host names and addresses that stand in the broker's certificate besides BrokerHost
	Address   string           // host:port at which boards reach the office to enrol and to renew
	Broker    string           // mqtts://host:port, as boards are told
	Stores    []string         // whose boards may enrol
	Now       func() time.Time // the office's clock
	Built     time.Time        // of this program: a clock before it is wrong, and nothing is signed
	Log       *slog.Logger     // nil discards
}

// Authority signs the certificates of the boards of an office. Several processes
// may have one open at a time: the daemon and the commands beside it.
type Authority struct {
	cfg    Config
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	export func(*tls.ConnectionState) ([]byte, error) // what only the two ends of a connection know

	mu      sync.Mutex
	passing map[string]tls.Certificate // the office's own, by name
}

// The authority's files.
const (
	keyName      = "ca.key"
	certName     = "ca.pem"
	registerName = "register.json"
)

// errClock is in the error of an office whose clock cannot be right.
var errClock = errors.New("this machine's clock is wrong")

// Open opens the authority in cfg.Dir, and makes it when there is none.
func Open(cfg Config) (*Authority, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if err := checkPlaces(cfg.Address, cfg.Broker); err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	a := &Authority{cfg: cfg, export: exported, passing: map[string]tls.Certificate{}}
	if err := folder(cfg.Dir); err != nil {
		return nil, fmt.Errorf("open authority: %w", err)
	}
	if err := locked(cfg.Dir, a.load); err != nil {
		return nil, fmt.Errorf("open authority in %s: %w", cfg.Dir, err)
	}
	return a, nil
}

// Fingerprint tells this authority from others: SHA-256 of its certificate, in
// hexadecimal, as openssl x509 -fingerprint -sha256 says it but for colons and case.
func (a *Authority) Fingerprint() string {
	sum := sha256.Sum256(a.cert.Raw)
	return hex.EncodeToString(sum[:])
}

// Fingerprint is that of the authority in a folder, which is not made. Error:
// [ErrNoAuthority] if there is none.
func Fingerprint(dir string) (string, error) {
	a := &Authority{cfg: Config{Dir: dir}}
	if _, err := os.Lstat(a.path(keyName)); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(a.path(certName)); errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%w in %s", ErrNoAuthority, dir)
		}
	}
	if err := locked(dir, a.load); err != nil {
		return "", fmt.Errorf("read authority in %s: %w", dir, err)
	}
	return a.Fingerprint(), nil
}

func (a *Authority) path(name string) string { return filepath.Join(a.cfg.Dir, name) }

// load reads key and certificate, or makes both where neither is.
func (a *Authority) load() error {
	k, errKey := os.ReadFile(a.path(keyName))
	c, errCert := os.ReadFile(a.path(certName))
	switch {
	case errors.Is(errKey, fs.ErrNotExist) && errors.Is(errCert, fs.ErrNotExist):
		return a.begin()
	case errKey != nil || errCert != nil:
		return fmt.Errorf("%w; put both files back from a backup, or move the folder away and enrol every board anew", errors.Join(errKey, errCert))
	}
	of, err := decode(append(k, c...))
	if err != nil {
		return err
	}
	if of.key == nil || len(of.certs) == 0 || !of.certs[0].IsCA || !of.key.PublicKey.Equal(of.certs[0].PublicKey) {
		return fmt.Errorf("%s and %s do not belong together", keyName, certName)
	}
	a.key, a.cert = of.key, of.certs[0]
	return nil
}

func (a *Authority) begin() error {
	if err := a.clockIsSane(); err != nil {
		return err
	}
	c, k, err := newAuthority(a.cfg.Now())
	if err != nil {
		return err
	}
	pemKey, err := encodeKey(k)
	if err != nil {
		return err
	}
	if err := write(a.path(keyName), pemKey, 0o600); err != nil {
		return err
	}
	a.cert, a.key = c, k
	return write(a.path(certName), encodeCertificates(c), 0o600)
}

func (a *Authority) clockIsSane() error {
	if now := a.cfg.Now(); now.Before(a.cfg.Built) {
		return fmt.Errorf("%w: it says %s, and this program is of %s; set it first", errClock, now.Format(time.DateTime), a.cfg.Built.Format(time.DateTime))
	}
	return nil
}

// with changes the register: what f changed is on disk when it returns, and the
// broker's files follow. An error of f leaves everything as it was.
func (a *Authority) with(f func(r *register, now time.Time) error) error {
	return locked(a.cfg.Dir, func() error {
		r, err := loadRegister(a.path(registerName))
		if err != nil {
			return err
		}
		now := a.cfg.Now()
		r.tidy(now)
		if err := f(r, now); err != nil {
			return err
		}
		return r.save(a.path(registerName))
	})
}

// read shows the register to f.
func (a *Authority) read(f func(r *register, now time.Time)) error {
	return locked(a.cfg.Dir, func() error {
		r, err := loadRegister(a.path(registerName))
		if err == nil {
			f(r, a.cfg.Now())
		}
		return err
	})
}

// Invite makes the one-time code with which a board enrols; an earlier code of
// that board is dead. until is when it is.
func (a *Authority) Invite(store, kiosk string) (c Code, until time.Time, err error) {
	n, err := NewName(store, kiosk)
	if err != nil {
		return c, until, err
	}
	if !contains(a.cfg.Stores, store) {
		return c, until, fmt.Errorf("store %q is none of this office: %q", store, a.cfg.Stores)
	}
	if err := a.clockIsSane(); err != nil {
		return c, until, err
	}
	err = a.with(func(r *register, now time.Time) error {
		for c = newCode(); r.code(c.id(), now) != nil; c = newCode() {
		}
		until = now.Add(CodeLife)
		kept := r.Codes[:0]
		for _, old := range r.Codes {
			if old.Name != n.String() {
				kept = append(kept, old)
			}
		}
		r.Codes = append(kept, code{ID: c.id(), Name: n.String(), Key: c.key(), Until: until})
		return nil
	})
	return c, until, err
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// Revoke revokes what a board has and says how many certificates those were.
func (a *Authority) Revoke(store, kiosk, why string) (n int, err error) {
	name, err := NewName(store, kiosk)
	if err != nil {
		return 0, err
	}
	err = a.with(func(r *register, now time.Time) error {
		n = r.revoke(name.String(), "", why, now)
		kept := r.Codes[:0]
		for _, c := range r.Codes {
			if c.Name != name.String() {
				kept = append(kept, c)
			}
		}
		r.Codes = kept
		return nil
	})
	if err != nil {
		return n, err
	}
	return n, a.Publish()
}

// Boards are those that have or had a certificate, by name.
func (a *Authority) Boards() (out []Enrolled, err error) {
	err = a.read(func(r *register, _ time.Time) { out = r.boards() })
	return out, err
}

// issue signs a certificate for a board and notes it in the register.
func (a *Authority) issue(r *register, n string, pub *ecdsa.PublicKey, now time.Time) (*x509.Certificate, error) {
	name, err := parseName(n)
	if err != nil {
		return nil, err
	}
	if err := a.clockIsSane(); err != nil {
		return nil, err
	}
	c, err := sign(forClient(name, now, boardLife), a.cert, pub, a.key)
	if err != nil {
		return nil, err
	}
	r.Signed = append(r.Signed, signed{Serial: c.SerialNumber.Text(16), Name: n, From: c.NotBefore, Until: c.NotAfter})
	return c, nil
}

// own is a certificate of the office's own: it lives in memory, is made anew at
// two thirds of its life, and its key never touches a disk.
func (a *Authority) own(name string, template func(now time.Time) *x509.Certificate) (tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.cfg.Now()
	if c, ok := a.passing[name]; ok && now.Before(due(c.Leaf)) && !now.Before(c.Leaf.NotBefore) {
		return c, nil
	}
	k, err := newKey()
	if err != nil {
		return tls.Certificate{}, err
	}
	c, err := sign(template(now), a.cert, &k.PublicKey, a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	a.passing[name] = pair(c, k)
	return a.passing[name], nil
}

// OfficeTLS are the settings with which the office connects to the broker as the
// back office of a store. It is asked anew for each connection.
func (a *Authority) OfficeTLS(store string) (*tls.Config, error) {
	n := Name{store, wire.Backoffice}
	c, err := a.own(n.String(), func(now time.Time) *x509.Certificate { return forClient(n, now, passingLife) })
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, ServerName: BrokerHost, RootCAs: roots, Certificates: []tls.Certificate{c}, Time: a.cfg.Now}, nil
}

// revocations is the list of revoked certificates as brokers read it. Its next
// update is far away: a broker refuses everybody once it is past.
func (a *Authority) revocations(r *register, now time.Time) ([]byte, error) {
	t := &x509.RevocationList{Number: big.NewInt(r.CRL), ThisUpdate: now.Add(-backdate), NextUpdate: a.cert.NotAfter}
	for _, s := range r.Signed {
		if !s.Revoked.IsZero() {
			t.RevokedCertificateEntries = append(t.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: s.number(), RevocationTime: s.Revoked})
		}
	}
	der, err := x509.CreateRevocationList(rand.Reader, t, a.cert, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign revocations: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}
