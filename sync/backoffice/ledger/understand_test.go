package ledger_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestUnderstoodLater: events that an older program kept without knowing their
// types count once a program that knows them opens the ledger; what is still
// unknown stays out.
func TestUnderstoodLater(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	b := ledgertest.NewBoard(t, "s", "k1", "e1")
	wrong := b.Event(&kiosk.Accepted{Visit: "V1", Adviser: "a1"})
	entries := []backoffice.Entry{b.CheckIn("V1"), wrong, b.Event(&kiosk.Voided{Event: wrong.Event.ID()}), b.CheckIn("V2")}
	if _, err := l.Commit(t.Context(), backoffice.Batch{At: office, Entries: entries}); err != nil {
		t.Fatal(err)
	}
	before, err := l.Position(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// What a program that knew visit.checked_in alone would have left of V1, and
	// a type that nobody knows.
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`UPDATE events SET visit = '', target = '', type = 'baylight.' || type || '.v1' WHERE type IN ('visit.accepted', 'event.voided')`,
		`UPDATE events SET visit = '', type = 'baylight.visit.checked_in.v9', bytes = CAST(replace(CAST(bytes AS TEXT), 'checked_in.v1', 'checked_in.v9') AS BLOB) WHERE visit = 'V2'`,
	} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = ledger.Open(path); err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	got := map[string]*kiosk.Visit{}
	if _, err := l.Changed(t.Context(), "s", before-1, func(v string, events []kiosk.Event) {
		got[v] = kiosk.Apply(events, kiosk.ShanghaiWeek(office.Location()))
	}); err != nil {
		t.Fatal(err)
	}
	if v := got["V1"]; v == nil || v.Adviser != "" || v.Corrections != 1 || v.Ticket != "A001" {
		t.Errorf("after the upgrade the visit is %+v, want it accepted and that voided", v)
	}
	if v := got["V2"]; v != nil && v.ID != "" {
		t.Errorf("an event of a type nobody knows makes %+v", v)
	}
}
