package hostile_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"baylight/cmd/internal/hostile"
	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

const (
	shop  = "sh-pudong"
	epoch = "0b9e2c1a-5c38-4b0e-9a55-0a4f0d7c1e11"
)

// short is a text that an event may carry.
func short(s string) string { return s[:min(len(s), 2000)] }

// told is an event whose every text is s.
func told(visit, s string) kiosk.Payload {
	s = short(s)
	return &kiosk.CheckedIn{Visit: visit, Ticket: s, Purpose: s, Language: s, Means: s, Vehicle: s,
		Meta: kiosk.Meta{Reason: s, By: s, Flags: []kiosk.Flag{kiosk.Flag(s)}, Scan: &kiosk.ScanRecord{Text: s, Keyed: s, Symbology: s, Scanner: s}}}
}

// person is a person part of s.
func person(t testing.TB, s string) (part []byte, digest string) {
	t.Helper()
	part, digest, err := kiosk.Person{Salt: strings.Repeat("0", 32), Name: short(s), Text: short(s), Phone: short(s), Plate: short(s), VIN: short(s)}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return part, digest
}

// TestJournal: any text is one event, its bytes come back as they went in, and
// everything that was there before still is.
func TestJournal(t *testing.T) {
	j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{Source: kiosk.KioskSource(shop, "k1"), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	checkJournal(t, j, values()...)
}

func checkJournal(t *testing.T, j *journal.Journal, all ...string) {
	t.Helper()
	before := j.Head()
	var in []kiosk.Event
	for i, s := range all {
		part, digest := person(t, s)
		p := told("SHPA138QZ2", s)
		p.Common().PersonDigest = digest
		in = append(in, kiosk.Event{Source: j.Source(), Epoch: j.Epoch(), Seq: before + uint64(i) + 1, Data: p, Person: part,
			Moment: kiosk.Moment{Wall: time.Unix(1.7e9, 0), Boot: epoch, Up: time.Hour, Clock: kiosk.Synced}})
	}
	if err := j.Append(in); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		for _, name := range []string{short(s), "cursor " + short(s)} {
			if err := j.SetCursor(name, before); err != nil {
				continue // no name of a cursor
			}
			if n, err := j.Cursor(name); n != before || err != nil {
				t.Errorf("cursor %.60q stands at %d, %v", name, n, err)
			}
		}
	}
	rows, err := j.Read(before, len(all)+1)
	if err != nil || len(rows) != len(all) || j.Head() != before+uint64(len(all)) {
		t.Fatalf("%d of %d events are there: %v", len(rows), len(all), err)
	}
	prev := kiosk.Hash{}
	for i, r := range rows {
		e, err := kiosk.Decode(r.Bytes)
		if err != nil || i > 0 && e.Prev != prev {
			t.Fatalf("event of %.60q: the chain breaks, or %v", all[i], err)
		}
		prev = kiosk.HashOf(r.Bytes)
		if want := strings.ToValidUTF8(short(all[i]), "\ufffd"); e.Data.(*kiosk.CheckedIn).Ticket != want && strings.ToValidUTF8(short(all[i]), "") == short(all[i]) {
			t.Errorf("%.60q came back as %.60q", want, e.Data.(*kiosk.CheckedIn).Ticket)
		}
		if !bytes.Equal(r.Person, in[i].Person) {
			t.Errorf("the person part of %.60q came back as %.100q", all[i], r.Person)
		}
	}
}

func FuzzJournal(f *testing.F) {
	seed(f)
	j, err := journal.Open(filepath.Join(f.TempDir(), "journal.db"), journal.Options{Source: kiosk.KioskSource(shop, "k1"), Ballast: -1})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { j.Close() })
	f.Fuzz(func(t *testing.T, s string) { checkJournal(t, j, s) })
}

// TestLedger: the same in the back office's own file.
func TestLedger(t *testing.T) {
	l, err := ledger.Open(filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkLedger(t, l, ledgertest.NewBoard(t, shop, "k1", epoch), values()...)
}

// TestPostgres: and in PostgreSQL.
func TestPostgres(t *testing.T) {
	l, err := pgledger.Open(t.Context(), pgledger.Config{URL: pgtest.Start(t).URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	checkLedger(t, l, ledgertest.NewBoard(t, shop, "k1", epoch), values()...)
}

// checkLedger commits all in one batch: events, person parts, what was refused,
// papers and lines of the trail.
func checkLedger(t *testing.T, l backoffice.Ledger, board *ledgertest.Board, all ...string) {
	t.Helper()
	ctx := context.Background()
	at := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	was, err := l.Position(ctx)
	if err != nil {
		t.Fatal(err)
	}
	batch := backoffice.Batch{At: at}
	for _, s := range all {
		part, digest := person(t, s)
		p := told("SHPA138QZ2", s)
		p.Common().PersonDigest = digest
		e := board.Event(p)
		batch.Entries = append(batch.Entries, e)
		batch.Persons = append(batch.Persons, board.Part(e, part))
		batch.Rejects = append(batch.Rejects, backoffice.Reject{Store: shop, Topic: board.Epoch + "/" + strings.ToValidUTF8(short(s), "?"), Payload: []byte(s), Reason: strings.ToValidUTF8(short(s), "?")})
	}
	out, err := l.Commit(ctx, batch)
	if err != nil || out.Added != len(all) {
		t.Fatalf("commit: %+v, %v", out, err)
	}
	rows, err := l.Events(ctx, shop, was, len(all)+1)
	if err != nil || len(rows) != len(all) {
		t.Fatalf("%d of %d events are there: %v", len(rows), len(all), err)
	}
	for i, r := range rows {
		part, err := l.Person(ctx, shop, r.Position)
		if !bytes.Equal(r.Bytes, batch.Entries[i].Bytes) || !bytes.Equal(part, batch.Persons[i].Bytes) || err != nil {
			t.Errorf("%.60q came back as %.200q and %.200q, %v", all[i], r.Bytes, part, err)
		}
	}
	refused, err := l.Rejected(ctx, shop, len(all))
	if err != nil || len(refused) != len(all) {
		t.Fatalf("%d of %d refused messages are kept: %v", len(refused), len(all), err)
	}
	for i, r := range refused { // newest first
		if s := all[len(all)-1-i]; !strings.HasPrefix(s, string(r.Payload)) || len(r.Payload) < min(len(s), 60<<10) {
			t.Errorf("what was refused, %.60q, is kept as %.60q", s, r.Payload)
		}
	}
	checkNames(t, l, all)
	checkTrail(t, l, all)
}

// checkNames asks for things by hostile names: nothing is found, nothing breaks.
func checkNames(t *testing.T, l backoffice.Ledger, all []string) {
	t.Helper()
	ctx := context.Background()
	for _, s := range all {
		s = strings.ToValidUTF8(short(s), "?") // what asks has made text of it
		if rows, err := l.Visit(ctx, shop, s); len(rows) > 0 || err != nil && !strings.Contains(s, "\x00") {
			t.Errorf("visit %.60q: %d events, %v", s, len(rows), err)
		}
		if _, found, err := l.Event(ctx, shop, s); found || err != nil && !strings.Contains(s, "\x00") {
			t.Errorf("event %.60q: %v, %v", s, found, err)
		}
		if rows, err := l.Events(ctx, s, 0, 10); len(rows) > 0 || err != nil && !strings.Contains(s, "\x00") {
			t.Errorf("store %.60q: %d events, %v", s, len(rows), err)
		}
	}
}

// checkTrail keeps who did what, and a paper, by hostile names.
func checkTrail(t *testing.T, l backoffice.Ledger, all []string) {
	t.Helper()
	log := audit.New(l, "office", time.Now)
	for _, s := range all {
		s = s[:min(len(s), 200)]
		if err := log.Add(audit.Entry{What: audit.Exported, Who: s, From: s, Store: shop, Detail: s}); err != nil {
			t.Errorf("the trail does not keep %.60q: %v", s, err)
			continue
		}
		got, err := log.Latest(1, func(audit.Entry) bool { return true })
		if err != nil || len(got) != 1 || utf8.ValidString(s) && (got[0].Detail != s || got[0].Who != s) {
			t.Errorf("the trail has %.60q for %.60q, %v", got, s, err)
		}
	}
	papers, revision, err := l.Papers(context.Background(), shop, "hostile")
	if err != nil {
		t.Fatal(err)
	}
	next := []backoffice.Paper{{Name: "2026-11-21", At: time.UnixMilli(1.7e12), Bytes: []byte(strings.Join(all, "\x00"))}}
	if _, err = l.KeepPapers(context.Background(), shop, "hostile", revision, next); err == nil {
		papers, _, err = l.Papers(context.Background(), shop, "hostile")
	}
	if err != nil || len(papers) != 1 || !bytes.Equal(papers[0].Bytes, next[0].Bytes) {
		t.Errorf("%d papers, %v", len(papers), err)
	}
}

func FuzzLedger(f *testing.F) {
	seed(f)
	l, err := ledger.Open(filepath.Join(f.TempDir(), "ledger.db"))
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { l.Close() })
	f.Fuzz(func(t *testing.T, s string) {
		checkLedger(t, l, ledgertest.NewBoard(t, shop, "k1", uuid.NewString()), s)
	})
}

// safe is what of a daemon is backed up: its journal and its ledger, in folders
// of their own.
type safe struct {
	root string
	*journal.Journal
	*ledger.Ledger
}

func newSafe(t testing.TB) safe {
	t.Helper()
	root := t.TempDir()
	if err := os.Mkdir(filepath.Join(root, "journal"), 0o700); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(root, "journal", "journal.db"), journal.Options{Source: kiosk.KioskSource(shop, "k1"), Ballast: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	l, err := ledger.Open(filepath.Join(root, "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return safe{root, j, l}
}

// checkFile: a backup of a name is that file in that folder, or none, and no other
// file appears there. How deep a path goes is the operator's own word.
func (s safe) checkFile(t *testing.T, text string) {
	t.Helper()
	name := strings.NewReplacer("/", "_", "\x00", "?mode=memory&").Replace(text)
	if name == "" || len(name) > 200 {
		return
	}
	dir := t.TempDir()
	for which, backup := range map[string]func(string) error{
		"journal ": func(to string) error { _, err := s.Backup(t.Context(), to); return err },
		"ledger ":  func(to string) error { return ledger.Backup(t.Context(), filepath.Join(s.root, "ledger.db"), to) },
	} {
		to := filepath.Join(dir, which+name)
		err := backup(to)
		entries, listed := os.ReadDir(dir)
		if listed != nil {
			t.Fatal(listed)
		}
		for _, e := range entries {
			if e.Name() != which+name {
				t.Errorf("a backup to %q makes %q", to, e.Name())
			}
		}
		if st, statErr := os.Stat(to); err == nil && (statErr != nil || st.Size() < 4096) || err != nil && len(entries) > 0 {
			t.Errorf("%q: %v, and %v", to, err, statErr)
		}
		if err := os.Remove(to); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Error(err)
		}
	}
}

// TestFileNames: backups by hostile names; nothing appears beside what they are of.
func TestFileNames(t *testing.T) {
	s := newSafe(t)
	for _, x := range hostile.Texts(hostile.Path, hostile.SQL, hostile.Terminal, hostile.Broken) {
		s.checkFile(t, x.Value)
	}
	for _, dir := range []string{s.root, filepath.Join(s.root, "journal")} {
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) > 8 {
			t.Errorf("%s holds %v, %v", dir, entries, err)
		}
	}
}

func FuzzFileNames(f *testing.F) {
	seed(f)
	s := newSafe(f)
	f.Fuzz(s.checkFile)
}
