package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Trust is what a board knows of the time.
type Trust struct {
	Now      time.Time
	Trusted  bool      // Now is the time
	Earliest time.Time // it is not before this: the program was built then, or a trusted clock said so
}

// at is the time by which a chain is judged. With a trusted clock it is now. Else
// it is the earliest that can be, but not before every certificate has begun: a
// certificate that begins later may well be valid, one that ended before is not.
func (t Trust) at(chain ...*x509.Certificate) time.Time {
	if t.Trusted {
		return t.Now
	}
	at := t.Earliest
	for _, c := range chain {
		if c.NotBefore.After(at) {
			at = c.NotBefore
		}
	}
	return at
}

// errPeer is in the error of a server that is not the one it should be.
var errPeer = errors.New("the other end is not who it should be")

// check verifies who a server is: signed by one of the authorities, by this name,
// for this use, and not out of time as far as t tells.
func check(chain, authorities []*x509.Certificate, host string, t Trust) error {
	if len(chain) == 0 {
		return fmt.Errorf("%w: it shows no certificate", errPeer)
	}
	opts := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: host}
	for _, c := range authorities {
		opts.Roots.AddCert(c)
	}
	for _, c := range chain[1:] {
		opts.Intermediates.AddCert(c)
	}
	var errs []error
	for _, a := range authorities { // each bounds the time by its own beginning
		opts.CurrentTime = t.at(append([]*x509.Certificate{a}, chain...)...)
		if _, err := chain[0].Verify(opts); err == nil {
			return nil
		} else {
			errs = append(errs, err)
		}
	}
	return fmt.Errorf("%w: %w", errPeer, errors.Join(errs...))
}
