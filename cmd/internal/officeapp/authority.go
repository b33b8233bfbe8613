package officeapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/identity"
)

// Offices that share a ledger have one authority between them. Boards trust one,
// and so does the broker: with two each office would lock out the boards of the
// other, and revoke none of them. The ledger knows its fingerprint.

// errOtherAuthority is of an office whose authority is not the one that the ledger
// knows.
var errOtherAuthority = errors.New("the boards of this database have another authority")

// other says what to do about an authority that is not the one known. here is that
// of the office, "" if it has none.
func other(known pgledger.Authority, here, dir string) error {
	mine := "and in " + dir + " is none"
	if here != "" {
		mine = "and the one in " + dir + " is " + short(here)
	}
	return fmt.Errorf("identity: %w: theirs is %s of office %q since %s, %s. "+
		"If that office enrols boards, take [identity] out of this configuration, or let identity.dir be the same folder for both. "+
		"If its machine is lost, move %s aside and bring its authority here: backofficed restore F, with F.identity of its last backup. "+
		"If there is no backup, or somebody else has the key: backofficed authority --replace here, and enrol every board anew",
		errOtherAuthority, short(known.Fingerprint), known.Office, known.Since.Local().Format(time.DateOnly), mine, dir)
}

// short is what people compare of a fingerprint.
func short(fingerprint string) string { return fingerprint[:min(16, len(fingerprint))] }

// sameAuthority says what is wrong with the authority in the office's folder as
// against the one that a shared ledger knows; nothing where none is known.
func sameAuthority(ctx context.Context, l *pgledger.Ledger, set *settings.Office) error {
	known, err := l.Authority(ctx)
	if err != nil || known.Fingerprint == "" {
		return err
	}
	here, err := identity.Fingerprint(set.Identity.Dir)
	if err != nil && !errors.Is(err, identity.ErrNoAuthority) {
		return err
	}
	if here != known.Fingerprint {
		return other(known, here, set.Identity.Dir)
	}
	return nil
}

// ownAuthority opens the office's authority, and makes it at the first start, if it
// is that of the ledger. None is made beside one that is known.
func (s *shelf) ownAuthority(ctx context.Context, set *settings.Office, log *slog.Logger) (*identity.Authority, error) {
	if s.shared == nil {
		return openAuthority(set, time.Now, log)
	}
	if err := sameAuthority(ctx, s.shared, set); err != nil {
		return nil, err
	}
	a, err := openAuthority(set, time.Now, log)
	if err != nil {
		return nil, err
	}
	known, err := s.shared.ClaimAuthority(ctx, a.Fingerprint(), s.name)
	if err == nil && known.Fingerprint != a.Fingerprint() { // two started for the first time
		err = other(known, a.Fingerprint(), set.Identity.Dir)
	}
	if err != nil {
		return nil, err
	}
	return a, nil
}

// Authorities are an office's own, and the one that the shared ledger knows.
type Authorities struct {
	Here   string             // fingerprint; "": there is none
	Shared bool               // the ledger is shared
	Known  pgledger.Authority // by the shared ledger
}

// AuthoritiesOf looks at the authority of an office and of its ledger. With
// replace the office's, which is made if there is none, becomes the ledger's; Known
// is then the one before.
func AuthoritiesOf(ctx context.Context, set *settings.Office, replace bool) (out Authorities, err error) {
	if set.Identity == nil {
		return out, errNoIdentity
	}
	out.Shared = set.Ledger.Postgres != ""
	if replace && !out.Shared {
		return out, errors.New("the ledger is a file and knows no authority: to begin with a new one move " + set.Identity.Dir + " aside, restart and enrol every board anew")
	}
	if replace {
		if _, err := openAuthority(set, time.Now, nil); err != nil {
			return out, err
		}
	}
	if out.Here, err = identity.Fingerprint(set.Identity.Dir); err != nil && !errors.Is(err, identity.ErrNoAuthority) {
		return out, err
	}
	if !out.Shared {
		return out, nil
	}
	l, err := pgledger.Open(ctx, postgres(set))
	if err != nil {
		return out, fmt.Errorf("ledger.postgres: %w", err)
	}
	defer l.Close()
	if replace {
		out.Known, err = l.ReplaceAuthority(ctx, out.Here, nameOf(set))
	} else {
		out.Known, err = l.Authority(ctx)
	}
	return out, err
}
