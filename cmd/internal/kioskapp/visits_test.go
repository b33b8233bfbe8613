package kioskapp

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"baylight/kiosk/floor"
	"baylight/sync/link"
)

// TestVisitsAreWrittenOnce: a broker sends all it holds with every connection;
// what is in its file already is not written again, also after a start.
func TestVisitsAreWrittenOnce(t *testing.T) {
	dir := t.TempDir()
	open := func() *visits {
		v := &visits{dir: dir, log: slog.New(slog.DiscardHandler), kept: map[string][sha256.Size]byte{}, dirty: map[string][]byte{}, wake: make(chan struct{}, 1)}
		if _, err := v.load(); err != nil {
			t.Fatal(err)
		}
		return v
	}
	v := open()
	is := func(dirty int, file string) {
		t.Helper()
		if len(v.dirty) != dirty {
			t.Errorf("%d files are to be written, want %d", len(v.dirty), dirty)
		}
		v.flush(t.Context())
		if b, err := os.ReadFile(filepath.Join(dir, "open.json")); string(b) != file || (err == nil) != (file != "") {
			t.Errorf("the file holds %q (%v), want %q", b, err, file)
		}
	}
	const one, two = `{"ledger":"l","visits":["0A7A4K0001"]}`, `{"ledger":"l","visits":[]}`
	v.keep("open", []byte(one))
	is(1, one)
	v.keep("open", []byte(one))
	is(0, one)
	v = open()
	v.keep("open", []byte(one))
	is(0, one)
	v.keep("open", []byte(two))
	v.keep("open", []byte(one))
	is(1, one)
	v.keep("open", nil)
	is(1, "")
	v.keep("open", []byte(one))
	is(1, one)

	ended, end := context.WithCancel(t.Context())
	end()
	v.keep("open", []byte(two))
	v.flush(ended)
	is(1, two)

	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	v.keep("open", []byte(one))
	is(1, "")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	v.keep("open", []byte(one)) // what could not be written is, when it comes again
	is(1, one)
}

// TestVisitsThatEndedAreDropped: a list without a visit deletes its file, also when
// the word that it ended came while the board was off; one that leaves out open
// visits deletes none.
func TestVisitsThatEndedAreDropped(t *testing.T) {
	v := &visits{dir: t.TempDir(), log: slog.New(slog.DiscardHandler), kept: map[string][sha256.Size]byte{}, dirty: map[string][]byte{}, wake: make(chan struct{}, 1)}
	v.hear = func(context.Context, floor.News) error { return nil }
	take := func(topic, payload string) {
		t.Helper()
		if err := v.take(t.Context(), link.Message{Topic: "baylight/v1/sh-test/visits" + topic, Payload: []byte(payload)}); err != nil {
			t.Fatal(err)
		}
		v.flush(t.Context())
	}
	has := func(want ...string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(v.dir, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range files {
			files[i] = filepath.Base(files[i])
		}
		if !slices.Equal(files, want) {
			t.Errorf("the files are %v, want %v", files, want)
		}
	}
	const one, two = "0A7A4K0001", "0A7A4K0002"
	take("/"+one, `{"ledger":"l","seen":[],"visit":"`+one+`"}`)
	take("/"+two, `{"ledger":"l","seen":[],"visit":"`+two+`"}`)
	take("", `{"ledger":"l","seen":[],"visits":["`+one+`","`+two+`"]}`)
	has(one+".json", two+".json", "open.json")
	take("", `{"ledger":"l","seen":[],"visits":["`+two+`"],"left_out":1}`)
	has(one+".json", two+".json", "open.json")
	take("", `{"ledger":"l","seen":[],"visits":["`+two+`"]}`)
	has(two+".json", "open.json")
	take("/"+one, `{"ledger":"l","seen":[],"visit":"`+one+`"}`)
	has(one+".json", two+".json", "open.json")
}
