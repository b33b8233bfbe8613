package officeapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/identity"
)

// Check says what would keep a back office with these settings from working,
// one finding each; none means that it can start.
func Check(ctx context.Context, set *settings.Office) (findings []error) {
	add := func(err error) {
		if err != nil {
			findings = append(findings, err)
		}
	}
	if l, err := net.Listen("tcp", set.HTTP.Listen); err != nil {
		add(fmt.Errorf("http.listen: %w; is another program there, or this one already running?", err))
	} else {
		add(l.Close())
	}
	if set.Ledger.Postgres != "" {
		for _, err := range checkShared(ctx, set) {
			add(err)
		}
	} else {
		add(checkLedger(LedgerPath(set)))
	}
	add(checkIdentity(set))
	add(settings.CheckBroker(ctx, set.MQTT.URL, 5*time.Second))
	return findings
}

// checkIdentity looks at an authority that is there; one that is not yet there is
// made at the first start.
func checkIdentity(set *settings.Office) error {
	if set.Identity == nil {
		return nil
	}
	if set.Identity.BrokerDir != "" {
		if _, err := os.Stat(set.Identity.BrokerDir); err != nil {
			return fmt.Errorf("identity.broker_dir: %w; the broker has no certificate until it is there", err)
		}
	}
	if _, err := identity.Fingerprint(set.Identity.Dir); errors.Is(err, identity.ErrNoAuthority) {
		return nil
	}
	_, err := OpenAuthority(set, time.Now, nil)
	return err
}

// checkLedger opens a ledger that is there; one that is not yet there is made at the first start.
func checkLedger(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	held, err := lock(path) // a ledger at work is left alone
	if err != nil {
		return err
	}
	defer held.Close()
	l, err := ledger.Open(path)
	if err != nil {
		return err
	}
	return l.Close()
}

// checkShared connects to the shared ledger and says what is wrong with its
// leases. A ledger that is not yet there is made.
func checkShared(ctx context.Context, set *settings.Office) (findings []error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	l, err := pgledger.Open(ctx, postgres(set))
	if err != nil {
		return []error{fmt.Errorf("ledger.postgres: %w", err)}
	}
	defer l.Close()
	if set.Identity != nil {
		if err := sameAuthority(ctx, l, set); err != nil {
			findings = append(findings, err)
		}
	}
	leases, err := l.Leases(ctx)
	if err != nil {
		return append(findings, fmt.Errorf("ledger.postgres: %w", err))
	}
	for _, x := range leases {
		if x.Office == "" {
			findings = append(findings, fmt.Errorf("ledger.postgres: store %s has no back office at present; boards keep their events until one takes it", x.Store))
		}
	}
	return findings
}
