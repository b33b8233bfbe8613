package officeapp

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

const secret = "s3cret-of-the-ledger"

// withLedger loads the settings of an office whose [ledger] is what is given.
func withLedger(t *testing.T, password, table string) (*settings.Office, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"store.key": "0123456789abcdef0123456789abcdef", "pg.password": password + "\n",
		"backoffice.toml": "schema = 1\n[office]\ndata = \"data\"\n[http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n" +
			"[ledger]\n" + table + "\n[[store]]\nname = \"sh-1\"\ntag = \"001\"\nkey_file = \"store.key\"\n",
	} {
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return settings.LoadOffice(filepath.Join(dir, "backoffice.toml"))
}

// TestLedgerSettings: what is wrong in [ledger] is said before anything starts, and
// never with the password.
func TestLedgerSettings(t *testing.T) {
	for _, c := range []struct {
		table string
		want  []string
	}{
		{`postgress = "host=db"`, []string{"postgress", `did you mean "postgres"?`}},
		{`postgres = "host=db"` + "\npasword_file = \"pg.password\"", []string{`did you mean "password_file"?`}},
		{`postgres = "postgres://baylight:` + secret + `@db/baylight"`, []string{"ledger.postgres", "ledger.password_file"}},
		{`postgres = "host=db password=` + secret + `"`, []string{"ledger.postgres", "ledger.password_file"}},
		{`password_file = "pg.password"`, []string{"ledger.postgres", "postgres://"}},
		{`postgres = "host=db"` + "\npassword_file = \"gone\"", []string{"ledger.password_file", "gone"}},
		{`postgres = "host=db"` + "\npartitions = 2000", []string{"ledger.partitions", "1024"}},
	} {
		_, err := withLedger(t, secret, c.table)
		if err == nil {
			t.Errorf("%s is accepted", c.table)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: the error does not say %q:\n%v", c.table, w, err)
			}
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error holds the password:\n%v", c.table, err)
		}
	}
}

// TestLedgerOutOfReach: an office whose database is not there, or not for it, ends at
// its start and says what to do; "check" says the same; neither says the password.
func TestLedgerOutOfReach(t *testing.T) {
	server := pgtest.Start(t)
	server.Exec("SET password_encryption = 'scram-sha-256'",
		"CREATE ROLE clerk LOGIN PASSWORD '"+secret+"'",
		"CREATE DATABASE locked", "REVOKE CONNECT ON DATABASE locked FROM PUBLIC",
		"DO $$ BEGIN EXECUTE format('COPY (SELECT line FROM (VALUES (1, ''local all baylight trust''), (2, ''local all clerk scram-sha-256'')) v(n, line) ORDER BY n) TO %L', current_setting('hba_file')); END $$")
	server.Kill()
	server.Start()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	nobody := closed.Addr().(*net.TCPAddr).Port
	must(t, closed.Close())
	at := func(user, database string) string {
		return strings.NewReplacer("user=baylight", "user="+user, "dbname=postgres", "dbname="+database).Replace(server.URL())
	}
	for _, c := range []struct {
		name, password, address string
		want                    []string
	}{
		{"no address", secret, "postgres//clerk@db", []string{"postgres//clerk@db", `"postgres://`}},
		{"a port with a letter", secret, "host=db port=54x2", []string{"port", `"postgres://`}},
		{"an sslmode that is none", secret, "host=db sslmode=sometimes", []string{"sslmode", `"postgres://`}},
		{"nobody listens", secret, fmt.Sprintf("host=127.0.0.1 port=%d user=clerk dbname=baylight", nobody), []string{"connection refused", "is PostgreSQL running there"}},
		{"no such host", secret, "host=no-such-host.invalid user=clerk dbname=baylight", []string{"no-such-host.invalid", "is the name right"}},
		{"wrong password", "another", at("clerk", "postgres"), []string{"clerk", "ledger.password_file"}},
		{"no such role", secret, at("nobody-we-know", "postgres"), []string{"nobody-we-know", "pg_hba.conf"}},
		{"no such database", secret, at("baylight", "elsewhere"), []string{"elsewhere", "CREATE DATABASE"}},
		{"may not connect", secret, at("clerk", "locked"), []string{"locked", "GRANT CONNECT"}},
		{"may not create", secret, at("clerk", "postgres"), []string{"permission denied", "CREATE ON DATABASE"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := withLedger(t, c.password, fmt.Sprintf("postgres = %q\npassword_file = \"pg.password\"", c.address))
			must(t, err)
			var log bytes.Buffer
			now, err := clock.NewLead(kiosk.Moment{Wall: time.Now(), Boot: "office", Up: time.Hour, Clock: kiosk.Synced}, nil)
			must(t, err)
			defer now.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err = Run(ctx, Options{Settings: set, Version: "test", Clock: now, Log: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
			if err == nil {
				t.Fatal("the office runs")
			}
			said := fmt.Sprint(Check(ctx, set))
			for _, w := range append(c.want, "ledger.postgres") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q:\n%v", w, err)
				}
				if !strings.Contains(said, w) {
					t.Errorf("check does not say %q:\n%s", w, said)
				}
			}
			for _, p := range []string{secret, "another"} {
				if strings.Contains(err.Error()+said+log.String(), p) {
					t.Errorf("the password is told: %v\n%s\n%s", err, said, &log)
				}
			}
		})
	}
}
