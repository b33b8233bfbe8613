package kioskapp

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/device/lamp"
	"baylight/device/line"
	"baylight/kiosk/journal"
	"baylight/sync/identity"
)

// Check says what would keep a kiosk with these settings from working, one
// finding each; none means that everything is there.
func Check(ctx context.Context, set *settings.Kiosk) (findings []error) {
	if l, err := net.Listen("tcp", set.HTTP.Listen); err != nil {
		findings = append(findings, fmt.Errorf("http.listen: %w; is another program there, or this one already running?", err))
	} else if err := l.Close(); err != nil {
		findings = append(findings, fmt.Errorf("http.listen: %w", err))
	}
	findings = append(findings, checkDevices(ctx, set)...)
	if err := checkJournal(set); err != nil {
		findings = append(findings, fmt.Errorf("journal: %w", err))
	}
	return append(findings, checkBroker(ctx, set)...)
}

// CheckDevices says which devices of these settings are not there, and whether
// the broker is.
func CheckDevices(ctx context.Context, set *settings.Kiosk) []error {
	return append(checkDevices(ctx, set), checkBroker(ctx, set)...)
}

// checkIdentity looks at the board's certificate, if its broker asks for one.
func checkIdentity(set *settings.Kiosk) error {
	if !strings.HasPrefix(set.MQTT.URL, "mqtts://") {
		return nil
	}
	id, err := identity.Load(set.MQTT.Identity)
	switch {
	case errors.Is(err, identity.ErrNone) && set.MQTT.User != "":
		return nil // a password instead
	case err != nil:
		return err
	case id.Name != identity.Name{Store: set.Store.Name, Kiosk: set.Name}:
		return fmt.Errorf("%s is the certificate of %s, and this board is %s/%s; enrol it anew", set.MQTT.Identity, id.Name, set.Store.Name, set.Name)
	case time.Now().After(id.Until()):
		return fmt.Errorf("%s expired on %s, by this machine's clock; enrol it anew", set.MQTT.Identity, id.Until().Format(time.DateOnly))
	}
	return nil
}

func checkBroker(ctx context.Context, set *settings.Kiosk) []error {
	if err := checkIdentity(set); err != nil {
		return []error{fmt.Errorf("certificate: %w", err)}
	}
	if err := settings.CheckBroker(ctx, set.MQTT.URL, 5*time.Second); err != nil {
		return []error{fmt.Errorf("broker: %w", err)}
	}
	return nil
}

func checkDevices(ctx context.Context, set *settings.Kiosk) (findings []error) {
	add := func(what string, err error) {
		if err != nil {
			findings = append(findings, fmt.Errorf("%s: %w", what, err))
		}
	}
	for _, s := range set.Scanners {
		add("scanner "+s.Name, line.Check(s.Line.Device))
	}
	if p := set.Printer; p != nil {
		switch {
		case p.USB != "":
			_, err := os.Stat(p.USB)
			add(p.Name, err)
		case p.TCP != "":
			add(p.Name, reach(ctx, p.TCP))
		default:
			add(p.Name, line.Check(p.Line.Device))
		}
	}
	return append(findings, checkLamps(set)...)
}

// checkLamps looks at the pins without driving them.
func checkLamps(set *settings.Kiosk) []error {
	towers, err := Towers(set)
	if err != nil || len(towers) == 0 {
		return nil // colours were checked with the settings
	}
	open, err := lamp.OpenHost()
	if err != nil {
		return []error{fmt.Errorf("lamps: %w", err)}
	}
	return lamp.Check(towers, open)
}

func reach(ctx context.Context, address string) error {
	d := net.Dialer{Timeout: 5 * time.Second}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return c.Close()
}

// checkJournal opens a journal that is there; one that is not yet there is made at the first start.
func checkJournal(set *settings.Kiosk) error {
	path := journalPath(set)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	j, err := journal.Open(path, journalOptions(set, nil))
	if errors.Is(err, journal.ErrDamaged) {
		return fmt.Errorf("%w; kioskd run sets it aside and goes on with what is sound in it", err)
	}
	if err != nil {
		return err
	}
	return j.Close()
}
