package ledger_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// Nothing of an erased part is in any file afterwards: not in the database's free
// room, not in the write-ahead log, not in a backup. Also of a file that was
// written before deleted content was overwritten.
func TestErasedBytes(t *testing.T) {
	for name, older := range map[string]bool{"as it is written": false, "written by an older program": true} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "ledger.db")
			parts := fill(t, path)
			if older {
				scatter(t, path)
			}
			l, err := ledger.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			var positions []uint64
			for i := range uint64(len(parts)) {
				if i%3 == 0 {
					positions = append(positions, i+1)
				}
			}
			if n, err := l.Erase(t.Context(), "sh-pudong", positions); err != nil || n != len(positions) {
				t.Fatalf("%d of %d parts were erased: %v", n, len(positions), err)
			}
			if err := ledger.Backup(t.Context(), path, filepath.Join(dir, "backup.db")); err != nil {
				t.Fatal(err)
			}
			files, err := filepath.Glob(filepath.Join(dir, "*"))
			if err != nil || len(files) < 2 {
				t.Fatal(files, err)
			}
			for i, part := range parts {
				salt := part[:len(`{"salt":"`)+32]
				for _, name := range files {
					raw, err := os.ReadFile(name)
					if err != nil {
						t.Fatal(err)
					}
					if erased := i%3 == 0; erased && bytes.Contains(raw, salt) {
						t.Fatalf("%s still holds the erased part %d", filepath.Base(name), i)
					} else if !erased && filepath.Base(name) == "backup.db" && !bytes.Contains(raw, part) {
						t.Fatalf("%s has lost part %d, which nobody erased", filepath.Base(name), i)
					}
				}
			}
		})
	}
}

// fill makes a ledger of four boards whose parts come in between each other, and
// gives the parts by position.
func fill(t *testing.T, path string) (parts [][]byte) {
	l, err := ledger.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	var boards []*ledgertest.Board
	for i := range 4 {
		boards = append(boards, ledgertest.NewBoard(t, "sh-pudong", fmt.Sprintf("k%d", i), fmt.Sprintf("e%d", (i*7)%4)))
	}
	for i := range 120 {
		b := boards[i%4]
		raw, digest, err := kiosk.Person{Salt: fmt.Sprintf("%032x", i+1), Plate: "粤B12345"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		entry := b.Event(&kiosk.CheckedIn{Visit: fmt.Sprintf("V%d", i), Meta: kiosk.Meta{PersonDigest: digest}})
		part := b.Part(entry, raw)
		if _, err := l.Commit(context.Background(), backoffice.Batch{At: b.Now.Wall, Entries: []backoffice.Entry{entry}, Persons: []backoffice.PersonEntry{part}}); err != nil {
			t.Fatal(err)
		}
		parts = append(parts, part.Bytes)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return parts
}

// scatter leaves copies of all parts in the free room of the file.
func scatter(t *testing.T, path string) {
	db, err := sql.Open("sqlite3", "file:"+path+"?_secure_delete=off")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{"CREATE TABLE away AS SELECT * FROM persons", "DROP TABLE away"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}
