package hostile_test

import (
	"bytes"
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"baylight/cmd/internal/hostile"
	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/journal"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// restorer is one of the two programs that restore.
type restorer struct {
	name, file string // of the database in its folder
	restore    func(ctx context.Context, dir, from string) error
	make       func(t *testing.T, to string) // makes a good backup
}

func restorers() []restorer {
	return []restorer{
		{"kiosk", "journal.db", func(ctx context.Context, dir, from string) error {
			_, err := kioskapp.Restore(ctx, &settings.Kiosk{Name: "k1", Data: dir, Store: settings.Store{Name: shop}}, from)
			return err
		}, func(t *testing.T, to string) {
			j, err := journal.Open(filepath.Join(t.TempDir(), "journal.db"), journal.Options{Source: kiosk.KioskSource(shop, "k1"), Ballast: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			checkJournal(t, j, "one", "two", "three")
			if _, err := j.Backup(t.Context(), to); err != nil {
				t.Fatal(err)
			}
		}},
		{"office", "ledger.db", func(ctx context.Context, dir, from string) error {
			_, err := officeapp.Restore(ctx, &settings.Office{Data: dir}, from)
			return err
		}, func(t *testing.T, to string) {
			path := filepath.Join(t.TempDir(), "ledger.db")
			l, err := ledger.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			checkLedger(t, l, ledgertest.NewBoard(t, shop, "k1", epoch), "one", "two", "three")
			if err := ledger.Backup(t.Context(), path, to); err != nil {
				t.Fatal(err)
			}
		}},
	}
}

// TestRestoreLinks: a restore writes through no link that somebody laid into the
// daemon's folder, and reads nothing that has no end.
func TestRestoreLinks(t *testing.T) {
	for _, r := range restorers() {
		t.Run(r.name, func(t *testing.T) {
			dir := t.TempDir()
			backup, victim := filepath.Join(dir, "backup.db"), filepath.Join(dir, "victim")
			r.make(t, backup)
			if err := os.WriteFile(victim, []byte("root's own"), 0o600); err != nil {
				t.Fatal(err)
			}
			for how, lay := range map[string]func(at string) error{"symbolic": func(at string) error { return os.Symlink(victim, at) }, "hard": func(at string) error { return os.Link(victim, at) },
				"dangling": func(at string) error { return os.Symlink(filepath.Join(dir, "made"), at) }, "pipe": func(at string) error { return syscall.Mkfifo(at, 0o600) }, "folder": func(at string) error { return os.Mkdir(at, 0o700) }} {
				for _, ending := range []string{"", ".lock", ".part", ".new", "-wal", "-journal"} {
					data := filepath.Join(t.TempDir(), "data")
					if err := os.Mkdir(data, 0o700); err != nil {
						t.Fatal(err)
					}
					if err := lay(filepath.Join(data, r.file+ending)); err != nil {
						t.Fatal(err)
					}
					if err := r.restore(t.Context(), data, backup); err == nil {
						t.Errorf("restored over a %s link at %s", how, r.file+ending)
					}
					b, err := os.ReadFile(victim)
					if _, made := os.Lstat(filepath.Join(dir, "made")); err != nil || string(b) != "root's own" || made == nil {
						t.Fatalf("a %s link at %s: what it leads to now holds %.40q", how, r.file+ending, b)
					}
				}
			}
			pipe := filepath.Join(dir, "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, from := range []string{pipe, "/dev/zero", dir, filepath.Join(dir, "none"), victim, backup + "\x00", backup + "?mode=rwc"} {
				data := t.TempDir()
				if err := r.restore(t.Context(), data, from); err == nil {
					t.Errorf("restored from %q", from)
				}
				if _, err := os.Lstat(filepath.Join(data, r.file)); err == nil {
					t.Errorf("%q: a database is there", from)
				}
			}
			if err := r.restore(t.Context(), filepath.Join(dir, "fresh"), backup); err != nil {
				t.Errorf("a good backup: %v", err)
			}
		})
	}
}

// TestRestoreAuthority: what stands beside a backup for the authority of the boards'
// certificates is read only if it is a file, and made into one only if it is one.
func TestRestoreAuthority(t *testing.T) {
	office := restorers()[1]
	dir := t.TempDir()
	backup := filepath.Join(dir, "backup.db")
	office.make(t, backup)
	beside := backup + officeapp.IdentityExt
	lays := map[string]func() error{"pipe": func() error { return syscall.Mkfifo(beside, 0o600) }, "device": func() error { return os.Symlink("/dev/zero", beside) }, "folder": func() error { return os.Mkdir(beside, 0o700) }}
	for _, x := range hostile.Texts(hostile.JSON, hostile.Path, hostile.Broken) {
		lays[x.Name] = func() error { return os.WriteFile(beside, []byte(x.Value), 0o600) }
	}
	for what, lay := range lays {
		if err := lay(); err != nil {
			t.Fatal(err)
		}
		data := t.TempDir()
		set := &settings.Office{Data: data, Identity: &settings.Identity{Dir: filepath.Join(data, "identity")}}
		if _, err := officeapp.Restore(t.Context(), set, backup); err == nil {
			t.Errorf("an authority was made of a %s", what)
		}
		for _, name := range []string{"ca.key", "ca.pem"} {
			if _, err := os.Lstat(filepath.Join(set.Identity.Dir, name)); err == nil {
				t.Errorf("%s: %s is there", what, name)
			}
		}
		if err := os.RemoveAll(beside); err != nil {
			t.Fatal(err)
		}
	}
}

// TestRestoreForged: a backup that somebody has changed is refused: rows, and
// what would act by itself later.
func TestRestoreForged(t *testing.T) {
	for _, r := range restorers() {
		dir := t.TempDir()
		good := filepath.Join(dir, "good.db")
		r.make(t, good)
		whole, err := os.ReadFile(good)
		if err != nil {
			t.Fatal(err)
		}
		for _, change := range []string{
			`CREATE TRIGGER forged AFTER INSERT ON events BEGIN DELETE FROM events; END`,
			`CREATE TRIGGER forged BEFORE UPDATE ON meta BEGIN SELECT 1; END`,
			`CREATE VIEW forged AS SELECT * FROM events`,
			`DROP TRIGGER IF EXISTS trail_once; CREATE TRIGGER trail_once BEFORE INSERT ON events BEGIN SELECT RAISE(IGNORE); END`,
			`UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 'one', 'two') AS BLOB)`,
		} {
			if r.name == "office" && strings.HasPrefix(change, "UPDATE") {
				continue // a ledger holds many boards' chains, which a trial of all figures looks at (verify)
			}
			t.Run(r.name+" "+change, func(t *testing.T) {
				from, data := filepath.Join(t.TempDir(), "forged.db"), t.TempDir()
				if err := os.WriteFile(from, bytes.Clone(whole), 0o600); err != nil {
					t.Fatal(err)
				}
				db, err := sql.Open("sqlite3", from)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := db.Exec(change); err != nil {
					t.Fatal(err)
				}
				if err := db.Close(); err != nil {
					t.Fatal(err)
				}
				err = r.restore(t.Context(), data, from)
				if err == nil {
					t.Error("it was restored")
				} else if strings.ContainsAny(err.Error(), "\x1b\x00") {
					t.Errorf("it says %q", err)
				}
			})
		}
	}
}
