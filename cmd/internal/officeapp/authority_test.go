package officeapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
	"baylight/sync/identity"
)

// certified are the settings of an office with an authority of its own on a shared ledger.
func certified(t *testing.T, url, name string) *settings.Office {
	t.Helper()
	set, err := withLedger(t, secret, fmt.Sprintf("postgres = %q\nname = %q", url, name))
	must(t, err)
	set.Identity = &settings.Identity{Dir: filepath.Join(set.Data, "identity"), Listen: "127.0.0.1:0", Address: "192.0.2.10:8892", Broker: "mqtts://192.0.2.10:8883"}
	return set
}

// started opens the ledger and the authority as an office does that starts.
func started(t *testing.T, set *settings.Office) (*identity.Authority, error) {
	t.Helper()
	s, err := openShelf(t.Context(), set)
	must(t, err)
	defer s.close()
	return s.ownAuthority(t.Context(), set, slog.New(slog.DiscardHandler))
}

// TestTwoAuthorities: on one database a second authority is refused, at the start and
// by "check", and none is made; with the first one's backup the office starts; after
// a deliberate replacement it is the first that is refused.
func TestTwoAuthorities(t *testing.T) {
	server := pgtest.Start(t)
	a, b := certified(t, server.URL(), "a"), certified(t, server.URL(), "b")
	if _, err := OpenAuthority(a, time.Now, nil); !errors.Is(err, identity.ErrNoAuthority) {
		t.Errorf("a command makes an authority, unasked: %v", err)
	}
	first, err := started(t, a)
	must(t, err)
	refused(t, b, first.Fingerprint()[:16], `"a"`, "is none", "restore", "--replace")
	if _, err := os.Stat(b.Identity.Dir); err == nil {
		t.Error("the office that was refused has made an authority")
	}
	for _, err := range Check(t.Context(), a) {
		if errors.Is(err, errOtherAuthority) {
			t.Error(err)
		}
	}

	backup := filepath.Join(t.TempDir(), "F")
	must(t, Backup(t.Context(), a, backup))
	say, err := Restore(t.Context(), b, backup)
	must(t, err)
	if brought, err := started(t, b); err != nil || brought.Fingerprint() != first.Fingerprint() {
		t.Fatalf("with the first one's authority the office does not start (%s): %v", say, err)
	}

	must(t, os.RemoveAll(b.Identity.Dir))
	was, err := AuthoritiesOf(t.Context(), b, true)
	if err != nil || was.Known.Fingerprint != first.Fingerprint() || was.Known.Office != "a" || was.Here == was.Known.Fingerprint {
		t.Fatalf("replacing tells %+v (%v)", was, err)
	}
	if second, err := started(t, b); err != nil || second.Fingerprint() != was.Here {
		t.Fatalf("the office does not start with the authority that replaced the first: %v", err)
	}
	refused(t, a, was.Here[:16], first.Fingerprint()[:16], `"b"`)
	if now, err := AuthoritiesOf(t.Context(), a, false); err != nil || now.Here != first.Fingerprint() || now.Known.Fingerprint != was.Here {
		t.Errorf("the command says %+v (%v)", now, err)
	}
	none := *a
	none.Identity = nil
	if _, err := AuthoritiesOf(t.Context(), &none, true); !errors.Is(err, errNoIdentity) {
		t.Errorf("an office without certificates replaces them: %v", err)
	}
}

// refused holds that the office does not start, that check knows why, and that both say some words.
func refused(t *testing.T, set *settings.Office, words ...string) {
	t.Helper()
	now, err := clock.NewLead(kiosk.Moment{Wall: time.Now(), Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
	must(t, err)
	defer now.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ran := Run(ctx, Options{Settings: set, Version: "test", Clock: now, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(ran, errOtherAuthority) {
		t.Fatalf("the office starts beside another authority, or ends for another reason: %v", ran)
	}
	checked := fmt.Sprint(Check(ctx, set))
	for _, w := range words {
		if !strings.Contains(ran.Error(), w) || !strings.Contains(checked, w) {
			t.Errorf("%q is not said:\n%v\n%s", w, ran, checked)
		}
	}
}
