package firstrun

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"baylight/cmd/internal/settings"
	"baylight/kiosk/clock"
	"baylight/sync/identity"
)

// identity is the file of this board's certificate.
func (s *setup) identity() string {
	return filepath.Join(cmp.Or(s.draft.Board.Data, "/var/lib/baylight"), settings.IdentityFile)
}

// errNoCode is of a page without a code.
var errNoCode = errors.New("there is no code: ask for one with backofficed enroll")

// enroll gets this board its certificate. The one-time code is used up by it, so
// the certificate is kept at once; a configuration that is never written leaves
// it behind, and enrolling anew replaces it.
func (s *setup) enroll() error {
	b := &s.draft.Broker
	if b.Code == "" {
		return errNoCode
	}
	code, err := identity.ParseCode(b.Code)
	if err != nil {
		return err
	}
	path := s.identity()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("make folder of the certificate: %w", err)
	}
	id, err := identity.Enrol(s.trial.ctx, identity.Enrolment{Office: b.Office, Code: code, Name: identity.Name{Store: s.draft.Store.Name, Kiosk: s.draft.Board.Name}}, path)
	if err != nil {
		return err
	}
	b.URL, b.Code, b.Plain = id.Broker, "", false
	s.o.Log.Info("this board is enrolled", "name", id.Name.String(), "until", id.Until())
	return nil
}

// brokerTLS are the settings of a connection that is tried: as the kiosk's, but
// that the clock is not known to be right.
func brokerTLS(path string) func() (*tls.Config, error) {
	if _, err := os.Stat(path); err != nil {
		return nil // a broker whose certificate this machine trusts anyway
	}
	return identity.NewBoard(identity.BoardConfig{Path: path, Trust: func() identity.Trust { return identity.Trust{Earliest: clock.Built()} }}).TLS
}
