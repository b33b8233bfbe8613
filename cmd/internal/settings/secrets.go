package settings

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The credentials by which systemd passes secrets (LoadCredential= in the units). One
// that is there counts before the file that the configuration names, which may then be
// missing; a file that says something else is an error.
const (
	StoreKey       = "baylight.store-key" // of every store; StoreKey + ".NAME" is that of the store NAME alone
	KioskPassword  = "kioskd.mqtt-password"
	OfficePassword = "backofficed.mqtt-password"
	OfficeToken    = "backofficed.api-token"
	LedgerPassword = "backofficed.ledger-password"
)

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 4 << 10

// Use is who reads a configuration, and how much it needs the secrets.
type Use int

const (
	// Daemon is the service itself: every secret has to be there, in a credential that was
	// passed to it or in a file.
	Daemon Use = iota
	// Beside is a command of a person's: what is in no file may be a credential of the
	// running service, which root and the service's user may read.
	Beside
	// Bare is such a command that goes on without: a secret that cannot be had is empty.
	Bare
)

// vault is where credentials are looked for.
type vault struct {
	given   string // folder of those that were passed to this process; "": none
	running string // folder of those of the running service; "": they are not asked for
	bare    bool
}

// vaultOf is the vault of who reads the configuration of a unit.
func vaultOf(use Use, unit string) vault {
	v := vault{given: os.Getenv("CREDENTIALS_DIRECTORY"), bare: use == Bare}
	if use != Daemon {
		v.running = filepath.Join("/run/credentials", unit)
	}
	return v
}

// Credential is the value of a credential that was passed to this process, "" if there
// is none of this name.
func Credential(id string) (string, error) {
	if path := find(os.Getenv("CREDENTIALS_DIRECTORY"), id); path != "" {
		return Secret(path)
	}
	return "", nil
}

// find gives the path of the first of these credentials that is in the folder, "" if
// there is none. One that is there and may not be read is found too.
func find(dir string, ids ...string) string {
	for _, id := range ids {
		path := filepath.Join(dir, id)
		if _, err := os.Stat(path); dir != "" && !errors.Is(err, fs.ErrNotExist) {
			return path
		}
	}
	return ""
}

// Secret reads a file that holds one secret, without the white space around it. The
// error never holds any of it.
func Secret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	s := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", err
	case len(b) > maxSecret:
		return "", fmt.Errorf("%s has more than %d bytes; one secret has to stand in it and nothing else", path, maxSecret)
	case s == "":
		return "", fmt.Errorf("%s is empty", path)
	}
	return s, nil
}

// secret finds a secret that may be in a credential or in a file, and says where it
// was; "" if no file was named and no credential is there.
func (p *problems) secret(what, file string, ids ...string) (value, from string) {
	credential := find(p.given, ids...)
	if _, err := os.Stat(file); credential == "" && errors.Is(err, fs.ErrNotExist) {
		credential = find(p.running, ids...)
		if _, err := os.Stat(credential); err != nil {
			credential = "" // of a service that is not this person's
		}
	}
	if from = cmp.Or(credential, file); from == "" {
		return "", ""
	}
	value, err := Secret(from)
	switch {
	case err == nil:
	case p.bare:
		return "", ""
	case errors.Is(err, fs.ErrNotExist):
		p.add("%s: %v; %s", what, err, p.nowhere(ids))
		return "", ""
	default:
		p.add("%s: %v", what, err)
		return "", ""
	}
	if credential != "" && !p.bare {
		if other, err := Secret(file); err == nil && other != value {
			p.add("%s: %s holds another secret than the credential %s; take one of them away", what, file, filepath.Base(credential))
		}
	}
	return value, from
}

// nowhere says which credential would do as well.
func (p *problems) nowhere(ids []string) string {
	where := "among those that systemd passed"
	if p.running != "" {
		where = "in " + p.running + ", where root and the daemon's user see those of a service that runs"
	}
	return "nor is there a credential " + strings.Join(ids, " or ") + " " + where
}
