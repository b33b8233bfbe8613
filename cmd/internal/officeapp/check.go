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
	add(checkLedger(LedgerPath(set)))
	add(settings.CheckBroker(ctx, set.MQTT.URL, 5*time.Second))
	return findings
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
