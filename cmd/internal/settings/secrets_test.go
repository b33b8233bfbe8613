package settings

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const (
	keyA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	keyB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// folder holds files by name.
func folder(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	return dir
}

type files = map[string]string

// TestStoreKey: where the store's key comes from, and what is said if it comes from
// nowhere, from two places or from something that is none.
func TestStoreKey(t *testing.T) {
	for what, c := range map[string]struct {
		line           string // of the configuration, besides the file's name
		file           string // of store.key; "": there is none
		given, running files
		bare           bool
		want           string   // the key
		wrong          []string // or what the error says
	}{
		"a file":                           {file: keyA + "\n", want: keyA},
		"a credential":                     {given: files{StoreKey: keyB + "\n"}, want: keyB},
		"a credential, and no file named":  {line: "-", given: files{StoreKey: keyB}, want: keyB},
		"both the same":                    {file: keyA, given: files{StoreKey: keyA + "\n"}, want: keyA},
		"the store's own goes first":       {given: files{StoreKey: keyA, StoreKey + ".sh-pudong": keyB}, want: keyB},
		"another store's is not its":       {given: files{StoreKey + ".other": keyB}, wrong: []string{"store.key: no such file", "nor is there a credential baylight.store-key.sh-pudong or baylight.store-key"}},
		"nowhere":                          {wrong: []string{"store.key_file", "store.key: no such file", "baylight.store-key", "systemd passed"}},
		"nowhere, and no file named":       {line: "-", wrong: []string{"store.key_file: name the file", "baylight.store-key"}},
		"two that differ":                  {file: keyA, given: files{StoreKey: keyB}, wrong: []string{"store.key_file", "store.key holds another secret than the credential baylight.store-key"}},
		"empty":                            {given: files{StoreKey: " \n"}, wrong: []string{"store.key_file", "/baylight.store-key is empty"}},
		"too large":                        {given: files{StoreKey: strings.Repeat("a", maxSecret+1)}, wrong: []string{"/baylight.store-key has more than 4096 bytes"}},
		"too short":                        {given: files{StoreKey: keyA[:31]}, wrong: []string{"/baylight.store-key holds 31 characters, at least 32"}},
		"the running service's":            {running: files{StoreKey: keyB}, want: keyB},
		"a file before the service's":      {file: keyA, running: files{StoreKey: keyB}, want: keyA},
		"not the running service's either": {running: files{}, wrong: []string{"store.key: no such file", "root and the daemon's user"}},
		"not needed":                       {bare: true},
		"not needed, and none at that":     {bare: true, given: files{StoreKey: "x"}},
		"not needed, but there":            {bare: true, given: files{StoreKey: keyB}, want: keyB},
	} {
		t.Run(what, func(t *testing.T) {
			dir := shipped(t)
			path := filepath.Join(dir, "kiosk.toml")
			if c.line == "-" {
				b, _ := os.ReadFile(path)
				write(t, path, strings.Replace(string(b), "key_file =", "# ", 1))
			}
			if err := os.Remove(filepath.Join(dir, "store.key")); err != nil {
				t.Fatal(err)
			}
			if c.file != "" {
				write(t, filepath.Join(dir, "store.key"), c.file)
			}
			v := vault{given: folder(t, c.given), bare: c.bare}
			if c.running != nil {
				v.running = folder(t, c.running)
			}
			k, err := loadKiosk(path, v)
			if len(c.wrong) == 0 && (err != nil || string(k.Store.Key) != c.want) {
				t.Fatalf("the key is %q, %v", k.Store.Key, err)
			}
			for _, w := range c.wrong {
				if err == nil || !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %q: %v", w, err)
				}
			}
			for _, secret := range []string{keyA[:31], keyB[:31]} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error tells the secret: %v", err)
				}
			}
		})
	}
}

// TestUnreadable: a credential that is there and cannot be read is not passed over.
func TestUnreadable(t *testing.T) {
	dir := shipped(t)
	given := t.TempDir()
	if err := os.Mkdir(filepath.Join(given, StoreKey), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := loadKiosk(filepath.Join(dir, "kiosk.toml"), vault{given: given})
	if err == nil || !strings.Contains(err.Error(), "store.key_file: read "+filepath.Join(given, StoreKey)) {
		t.Errorf("err = %v", err)
	}
	closed := filepath.Join(dir, "kiosk.toml") // nothing can be looked for below a file
	if _, err = loadKiosk(closed, vault{given: closed}); err == nil || !strings.Contains(err.Error(), "not a directory") {
		t.Errorf("a folder that cannot be read: %v", err)
	}
	if _, err = loadKiosk(closed, vault{running: closed}); err != nil {
		t.Errorf("the running service's folder is not for everybody: %v", err)
	}
}

// TestOfficeSecrets: each secret of an office as a credential, in none of its files.
func TestOfficeSecrets(t *testing.T) {
	dir := shipped(t)
	path := filepath.Join(dir, "backoffice.toml")
	b, _ := os.ReadFile(path)
	text := strings.Replace(string(b), "listen =", "insecure_lan = true\nlisten =", 1) + "\n[ledger]\npostgres = \"postgres://baylight@db/baylight\"\n"
	write(t, path, text)
	if _, err := loadOffice(path, vault{}); err == nil || !strings.Contains(err.Error(), OfficeToken) {
		t.Errorf("without a token: %v", err)
	}
	given := folder(t, files{OfficePassword: "p1\n", OfficeToken: "t1\n", LedgerPassword: "l1\n", KioskPassword: "another's"})
	o, err := loadOffice(path, vault{given: given})
	if err != nil {
		t.Fatal(err)
	}
	if o.MQTT.Password != "p1" || o.Token != "t1" || o.Ledger.PasswordFile != filepath.Join(given, LedgerPassword) {
		t.Errorf("password %q, token %q, ledger's password in %s", o.MQTT.Password, o.Token, o.Ledger.PasswordFile)
	}
	if s, err := Secret(o.Ledger.PasswordFile); s != "l1" || err != nil {
		t.Errorf("the ledger's password is %q, %v", s, err)
	}
	if o, err = loadOffice(path, vault{bare: true}); err != nil || o.Token != "" {
		t.Errorf("a command that needs no secret: %v, %v", o, err)
	}
	write(t, path, string(b))
	if o, err = loadOffice(path, vault{given: given}); err != nil || o.Ledger != (Ledger{}) {
		t.Errorf("without a ledger in PostgreSQL its password is nobody's: %+v, %v", o.Ledger, err)
	}
}

// TestGiven: what systemd tells the process is where it looks.
func TestGiven(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", folder(t, files{StoreKey: keyB, KioskPassword: "p1", OfficePassword: "another's"}))
	dir := shipped(t)
	if err := os.Remove(filepath.Join(dir, "store.key")); err != nil {
		t.Fatal(err)
	}
	for _, use := range []Use{Daemon, Beside, Bare} {
		k, err := KioskFor(use, filepath.Join(dir, "kiosk.toml"))
		if err != nil || string(k.Store.Key) != keyB || k.MQTT.Password != "p1" {
			t.Errorf("%d: %v", use, err)
		}
	}
	if s, err := Credential(KioskPassword); s != "p1" || err != nil {
		t.Errorf("credential %q, %v", s, err)
	}
	if s, err := Credential(OfficeToken); s != "" || err != nil {
		t.Errorf("one that is not there: %q, %v", s, err)
	}
}

// TestUnitsPass: each unit passes the credentials that its daemon looks for, and no others.
func TestUnitsPass(t *testing.T) {
	for unit, want := range map[string][]string{
		"kioskd.service":      {StoreKey, KioskPassword},
		"backofficed.service": {StoreKey, OfficePassword, OfficeToken, LedgerPassword},
	} {
		b, err := os.ReadFile(filepath.Join("..", "..", "..", "systemd", unit))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range regexp.MustCompile(`(?m)^LoadCredential=(.*)$`).FindAllStringSubmatch(string(b), -1) {
			got = append(got, m[1])
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s passes %q, want %q", unit, got, want)
		}
	}
}
