package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"slices"
	"time"
)

// CodeLife is how long a one-time code may be used.
const CodeLife = 15 * time.Minute

const (
	maxTries = 5                   // wrong proofs before a code is dead
	keepDead = 30 * 24 * time.Hour // how long an expired certificate stands in the register
)

// register is what the authority signed and what may still be asked of it.
type register struct {
	Schema int      `json:"schema"`
	CRL    int64    `json:"crl"` // number of the last list of revoked certificates
	Signed []signed `json:"signed"`
	Codes  []code   `json:"codes,omitempty"`
}

// signed is one certificate of a board.
type signed struct {
	Serial  string    `json:"serial"` // hexadecimal
	Name    string    `json:"name"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	Revoked time.Time `json:"revoked,omitzero"`
	Why     string    `json:"why,omitempty"`
}

// live says whether it may still be shown.
func (s signed) live(now time.Time) bool { return s.Revoked.IsZero() && now.Before(s.Until) }

func (s signed) number() *big.Int {
	n, _ := new(big.Int).SetString(s.Serial, 16) // checked when it was read
	return n
}

// code is a one-time code that was given out.
type code struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Key   []byte    `json:"key"`
	Until time.Time `json:"until"`
	Tries int       `json:"tries,omitempty"`
	// Once it was used: for which key, and what was signed. Who did not hear the
	// answer asks again with the same key.
	Used   []byte `json:"used,omitempty"`
	Signed []byte `json:"signed,omitempty"`
}

const registerSchema = 1

func loadRegister(path string) (*register, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return &register{Schema: registerSchema}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read register: %w", err)
	}
	r := &register{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, fmt.Errorf("read register %s: %w", path, err)
	}
	if r.Schema != registerSchema {
		return nil, fmt.Errorf("read register %s: schema %d is not %d: it is of another version", path, r.Schema, registerSchema)
	}
	for _, s := range r.Signed {
		if _, ok := new(big.Int).SetString(s.Serial, 16); !ok {
			return nil, fmt.Errorf("read register %s: serial %q is no number", path, s.Serial)
		}
	}
	return r, nil
}

func (r *register) save(path string) error {
	b, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return write(path, append(b, '\n'), 0o600)
}

// tidy forgets what is over.
func (r *register) tidy(now time.Time) {
	r.Codes = slices.DeleteFunc(r.Codes, func(c code) bool { return !now.Before(c.Until) })
	r.Signed = slices.DeleteFunc(r.Signed, func(s signed) bool { return now.Sub(s.Until) > keepDead })
}

// code is the code of that id, nil if there is none.
func (r *register) code(id string, now time.Time) *code {
	for i := range r.Codes {
		if r.Codes[i].ID == id && now.Before(r.Codes[i].Until) {
			return &r.Codes[i]
		}
	}
	return nil
}

// revoke revokes every live certificate of a name but one, and says how many.
func (r *register) revoke(name, but, why string, now time.Time) (n int) {
	for i := range r.Signed {
		s := &r.Signed[i]
		if s.Name == name && s.Serial != but && s.live(now) {
			s.Revoked, s.Why = now.UTC().Truncate(time.Second), why
			n++
		}
	}
	return n
}

// revoked says whether a certificate is, or is not of this register.
func (r *register) revoked(serial *big.Int) bool {
	i := slices.IndexFunc(r.Signed, func(s signed) bool { return s.Serial == serial.Text(16) })
	return i < 0 || !r.Signed[i].Revoked.IsZero()
}

// Enrolled is one board that has, or had, a certificate.
type Enrolled struct {
	Name    Name
	Until   time.Time // of the newest certificate
	Revoked time.Time // zero: not
	Why     string
}

// boards are the newest certificate of each name, by name.
func (r *register) boards() (out []Enrolled) {
	newest := map[string]signed{}
	for _, s := range r.Signed {
		if old, ok := newest[s.Name]; !ok || !old.Revoked.IsZero() && s.Revoked.IsZero() || old.Revoked.IsZero() == s.Revoked.IsZero() && s.Until.After(old.Until) {
			newest[s.Name] = s
		}
	}
	for _, s := range newest {
		if n, err := parseName(s.Name); err == nil {
			out = append(out, Enrolled{Name: n, Until: s.Until, Revoked: s.Revoked, Why: s.Why})
		}
	}
	slices.SortFunc(out, func(a, b Enrolled) int {
		if a.Name.String() < b.Name.String() {
			return -1
		}
		return 1
	})
	return out
}
