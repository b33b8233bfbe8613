package identity

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"baylight/sync/wire"
)

// The names by which the office's servers are known, whatever address they are
// reached at: addresses in a shop change, and only this authority gives out these.
const (
	BrokerHost = "broker.baylight"
	OfficeHost = "office.baylight"
)

// maxName is the longest common name that every TLS library takes (X.520).
const maxName = 64

// Name is whom a certificate names: a kiosk, or wire.Backoffice, of a store.
type Name struct{ Store, Kiosk string }

// NewName checks the name of a board.
func NewName(store, kiosk string) (Name, error) {
	if _, err := wire.NewKiosk(store, kiosk); err != nil {
		return Name{}, err
	}
	n := Name{store, kiosk}
	if len(n.String()) > maxName {
		return Name{}, fmt.Errorf("name %q has more than %d characters", n, maxName)
	}
	return n, nil
}

// parseName reads the name of a certificate of a board.
func parseName(s string) (Name, error) {
	store, kiosk, ok := strings.Cut(s, "/")
	if !ok || len(s) > maxName {
		return Name{}, fmt.Errorf("name %.70q is not store/kiosk", s)
	}
	return NewName(store, kiosk)
}

// String is "store/kiosk", as brokers put it in for %u.
func (n Name) String() string { return n.Store + "/" + n.Kiosk }

// nameOf is whom a certificate names.
func nameOf(c *x509.Certificate) (Name, error) {
	n, err := parseName(c.Subject.CommonName)
	if err != nil {
		return Name{}, errors.Join(errors.New("read certificate"), err)
	}
	return n, nil
}
