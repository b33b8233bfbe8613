package pgledger_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

const store = "sh-pudong"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, c pgledger.Config) *pgledger.Ledger {
	t.Helper()
	l, err := pgledger.Open(context.Background(), c)
	must(t, err)
	t.Cleanup(l.Close)
	return l
}

// TestRestartedServer: the server is restarted again and again while batches come,
// in order, and by a kill. Each is tried until it is there, as an office does; nothing is lost, nothing
// counts twice, and what was said to be durable stays.
func TestRestartedServer(t *testing.T) {
	s := pgtest.Start(t)
	l := open(t, pgledger.Config{URL: s.URL()})
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	const batches, each = 300, 10
	done, said := make(chan error, 1), make(chan uint64, batches)
	go func() {
		for n := range batches {
			var batch backoffice.Batch
			batch.At = time.Now()
			for i := range each {
				batch.Entries = append(batch.Entries, b.CheckIn(fmt.Sprintf("V%d", (n*each+i)%97)))
			}
			for tries := 0; ; tries++ {
				out, err := l.Commit(context.Background(), batch)
				if err == nil {
					said <- out.Position
					break
				}
				if tries > 100_000 {
					done <- fmt.Errorf("batch %d: %w", n, err)
					return
				}
				<-time.After(time.Millisecond)
			}
		}
		done <- nil
	}()
	for i := range 6 {
		for range 40 {
			select {
			case <-said:
			case err := <-done:
				t.Fatal(err)
			}
		}
		kept := <-said
		if i%2 == 0 {
			s.Stop()
		} else {
			s.Kill()
		}
		s.Start()
		for {
			n, err := l.Position(t.Context())
			if err == nil {
				if n < kept {
					t.Fatalf("position %d was durable; after the restart it stands at %d", kept, n)
				}
				break
			}
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	epochs, err := l.Epochs(t.Context(), b.Source)
	if err != nil || len(epochs) != 1 || epochs[0].Through != batches*each || len(epochs[0].Gaps) > 0 {
		t.Errorf("of %d events the receipt says %+v (%v)", batches*each, epochs, err)
	}
	n := 0
	at, err := l.Changed(t.Context(), store, 0, func(_ string, events []kiosk.Event) { n += len(events) })
	if err != nil || n != batches*each || at != batches*each {
		t.Errorf("%d events count at position %d (%v), want %d", n, at, err, batches*each)
	}
}

// TestRefuses: what must not be worked on is refused in words.
func TestRefuses(t *testing.T) {
	s := pgtest.Start(t)
	open(t, pgledger.Config{URL: s.URL()})
	s.Exec(`CREATE SCHEMA other`, `CREATE TABLE other.x(y text)`, `CREATE ROLE lazy LOGIN SUPERUSER`, `CREATE ROLE poor LOGIN`)
	newer := pgledger.Config{URL: s.URL(), Schema: "newer"}
	open(t, newer)
	s.Exec(`UPDATE newer.meta SET value = '9'`)
	for want, c := range map[string]pgledger.Config{
		"is no ledger":                          {URL: s.URL(), Schema: "other"},
		"wants a program that reads version 9":  newer,
		"read schema":                           {URL: s.URL(), Schema: `x"; DROP`},
		"synchronous_commit is off":             {URL: s.URL() + " synchronous_commit=off"},
		"permission denied":                     {URL: strings.Replace(s.URL(), "user=baylight", "user=poor", 1), Schema: "fresh"},
		"read partitions":                       {URL: s.URL(), Partitions: -1},
		"cannot parse":                          {URL: "postgres://[" /* no address */},
		`database "nowhere" does not exist`:     {URL: strings.Replace(s.URL(), "dbname=postgres", "dbname=nowhere", 1)},
		"a password there is none for this one": {URL: s.URL(), Password: func() (string, error) { return "", errors.New("a password there is none for this one") }},
	} {
		l, err := pgledger.Open(t.Context(), c)
		if err == nil {
			l.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("open %+v: %v, want %q", c.URL, err, want)
		}
	}
	s.Exec(`UPDATE newer.meta SET value = '1' WHERE name = 'min_reader'`) // now it allows this program
	if l := open(t, newer); l.Opened() != 2 {
		t.Errorf("a newer schema that allows it opens as run %d", l.Opened())
	}
}

// TestRenewed: a database that was restored gets a new id, and whoever opened it
// under the old one can commit no more.
func TestRenewed(t *testing.T) {
	s := pgtest.Start(t)
	c := pgledger.Config{URL: s.URL()}
	l := open(t, c)
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	first := backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{b.CheckIn("V1")}}
	_, err := l.Commit(t.Context(), first)
	must(t, err)
	id, err := pgledger.Renew(t.Context(), c)
	must(t, err)
	if _, err := l.Commit(t.Context(), backoffice.Batch{At: time.Now(), Entries: []backoffice.Entry{b.CheckIn("V2")}}); !errors.Is(err, pgledger.ErrRenewed) {
		t.Errorf("a commit under the old id: %v", err)
	}
	again := open(t, c)
	if again.ID() != id || id == l.ID() {
		t.Errorf("renewed as %s, opened as %s, before %s", id, again.ID(), l.ID())
	}
	if out, err := again.Commit(t.Context(), first); err != nil || out.Duplicates != 1 || out.Position != 1 {
		t.Errorf("the same ledger goes on: %+v (%v)", out, err)
	}
}

// TestHostileText: what text columns of PostgreSQL do not take is kept all the same.
func TestHostileText(t *testing.T) {
	l := open(t, pgledger.Config{URL: pgtest.Start(t).URL()})
	b := ledgertest.NewBoard(t, store, "k1", "e1")
	b.Now.Boot = `b\o` + strings.Repeat("o", 60)
	names := []string{"V\x00", `V\00`, `V\`, "V\ufffd", "V"}
	var batch backoffice.Batch
	for _, v := range names {
		batch.Entries = append(batch.Entries, b.CheckIn(v))
	}
	batch.Rejects = []backoffice.Reject{{Store: store, Topic: "a\x00b\xff", Source: b.Source, Payload: []byte{0}, Reason: strings.Repeat("世", 400) + "\x00"}}
	for range 2 {
		_, err := l.Commit(t.Context(), batch)
		must(t, err)
	}
	for _, v := range names {
		rows, err := l.Visit(t.Context(), store, v)
		if err != nil || len(rows) != 1 {
			t.Errorf("visit %q has %d events (%v)", v, len(rows), err)
		}
	}
	if got, err := l.Rejected(t.Context(), store, 9); err != nil || len(got) != 1 || got[0].Topic != "a\x00b\xff" {
		t.Errorf("rejected: %+v (%v)", got, err)
	}
}
