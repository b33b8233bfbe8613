package wire

import (
	"fmt"
	"strings"
)

// Bounds of a store's staff.
const (
	MaxStaffBytes = 512 << 10
	MaxPeople     = 1000
)

// Staff is who works in a store, retained on Store.Staff. A board recognises a
// badge by its keyed hash and a PIN by its verifier; it can print neither.
type Staff struct {
	Ledger string   `json:"ledger"` // of the office that says so
	People []Member `json:"people"` // by id
}

// Member is one person of a store's staff.
type Member struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	BadgeKey string   `json:"badge_key,omitempty"` // keyed hash of the badge (staff.BadgeKey); "" for nobody's badge
	Roles    []string `json:"roles"`               // those a board does not know mean nothing there
	Team     string   `json:"team,omitempty"`
	PIN      string   `json:"pin,omitempty"` // argon2id verifier, peppered with the store's key
}

// Encode makes the payload.
func (s Staff) Encode() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("encode staff: %w", err)
	}
	s.People = listed(s.People)
	for i := range s.People {
		s.People[i].Roles = listed(s.People[i].Roles)
	}
	return encode("staff", s, MaxStaffBytes)
}

// DecodeStaff reads a store's staff.
func DecodeStaff(b []byte) (s Staff, err error) {
	if err = decode(b, MaxStaffBytes, &s); err == nil {
		err = s.Check()
	}
	if err != nil {
		return Staff{}, fmt.Errorf("decode staff: %w", err)
	}
	return s, nil
}

// Check reports what cannot be right, naming the person by id only.
func (s Staff) Check() error {
	if len(s.Ledger) > 64 || len(s.People) > MaxPeople {
		return fmt.Errorf("%d people, at most %d are allowed", len(s.People), MaxPeople)
	}
	seen := map[string]bool{}
	for i, m := range s.People {
		if err := m.check(); err != nil {
			return fmt.Errorf("people[%d]: %w", i, err)
		}
		if seen[m.ID] || m.BadgeKey != "" && seen[m.BadgeKey] {
			return fmt.Errorf("people[%d]: id %q or its badge is there twice", i, m.ID)
		}
		seen[m.ID], seen[m.BadgeKey] = true, true
	}
	return nil
}

func (m Member) check() error {
	if err := CheckName(m.ID); err != nil {
		return err
	}
	if !shown(m.Name, 60) || !shown(m.Team, 60) || len(m.Roles) > 10 {
		return fmt.Errorf("%s: name, team or roles are too long, or hold control characters", m.ID)
	}
	for _, r := range m.Roles {
		if err := CheckName(r); err != nil {
			return fmt.Errorf("%s: role: %w", m.ID, err)
		}
	}
	if m.BadgeKey != "" && (len(m.BadgeKey) != 64 || strings.Trim(m.BadgeKey, "0123456789abcdef") != "") {
		return fmt.Errorf("%s: badge_key of %d bytes is not 64 hexadecimal digits", m.ID, len(m.BadgeKey))
	}
	if m.PIN != "" && (len(m.PIN) > 400 || !strings.HasPrefix(m.PIN, "$argon2id$")) {
		return fmt.Errorf("%s: pin of %d bytes is no argon2id verifier", m.ID, len(m.PIN))
	}
	return nil
}
