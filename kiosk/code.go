package kiosk

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Codes on paper are permanent: twelve characters of Crockford's base 32 in
// Code 128:
//
//	V 0A7 1 3K 8QZ2 5
//	│ │   │ │  │    └ check: ISO 7064 mod 37,36 over the first eleven
//	│ │   │ │  └ four random characters; of an action card they spell the action
//	│ │   │ └ day number mod 1024
//	│ │   └ board
//	│ └ store tag
//	└ kind: V visit, 1–9 its item, B badge, C action card
//
// The ten middle characters are the id: of the visit, or of the badge.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Kind is the first character of a code on paper.
type Kind byte

// The kinds of code; the kinds '1' to '9' are items of a visit.
const (
	KindVisit  Kind = 'V'
	KindBadge  Kind = 'B'
	KindAction Kind = 'C'
)

// Action is what an action card asks for.
type Action string

// The action cards of DOMAIN §1 by the four characters that spell them; a
// Crockford alphabet has no I, L, O, U, hence the digits and the V.
const (
	Finish         Action = "FNSH"
	PauseParts     Action = "PRTS"
	PauseAuthority Action = "ATHR"
	PauseBreak     Action = "BREK"
	Help           Action = "HE1P"
	Undo           Action = "VND0"
	PassCard       Action = "PASS"
	FailCard       Action = "FA11"
	Washed         Action = "WASH"
	Parallel       Action = "PARA"
)

// Actions lists every action card in the order of the printed sheet.
func Actions() []Action {
	return []Action{Finish, PauseParts, PauseAuthority, PauseBreak, Help, Undo, PassCard, FailCard, Washed, Parallel}
}

// Code is one parsed code on paper.
type Code struct {
	Kind  Kind
	Store string // store tag, three characters
	ID    string // the ten middle characters
	Item  int    // 1–9 for an item code, else 0
}

// Action is the action of an action card, "" of every other kind.
func (c Code) Action() Action {
	if c.Kind != KindAction {
		return ""
	}
	return Action(c.ID[6:])
}

// ErrNotOurs is returned for text that is no code of Baylight at all.
var ErrNotOurs = errors.New("not a Baylight code")

// ErrCheck is returned for text that has the form of a code and a wrong check character.
var ErrCheck = errors.New("check character does not match")

// ParseCode reads a code as it was scanned. Letter case is forgiven, nothing else.
// Errors: ErrNotOurs, ErrCheck (wrapped).
func ParseCode(text string) (Code, error) {
	s := strings.Map(upper, text)
	if len(s) != 12 {
		return Code{}, fmt.Errorf("read code: %w: %d characters instead of 12", ErrNotOurs, len(s))
	}
	k := Kind(s[0])
	if k != KindVisit && k != KindBadge && k != KindAction && (k < '1' || k > '9') {
		return Code{}, fmt.Errorf("read code: %w: no kind begins with %q", ErrNotOurs, s[:1])
	}
	for i := 1; i < 11; i++ {
		if strings.IndexByte(crockford, s[i]) < 0 {
			return Code{}, fmt.Errorf("read code: %w: %q at position %d", ErrNotOurs, s[i:i+1], i+1)
		}
	}
	if want := check(s[:11]); s[11] != want {
		return Code{}, fmt.Errorf("read code: %w: scan again", ErrCheck)
	}
	c := Code{Kind: k, Store: s[1:4], ID: s[1:11]}
	if k >= '1' && k <= '9' {
		c.Item = int(k - '0')
	}
	return c, nil
}

// upper folds ASCII only: other letters may fold into it, and are no code.
func upper(r rune) rune {
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	return r
}

// MakeCode is the code on paper of an id (a visit's or a badge's).
func MakeCode(k Kind, id string) string {
	s := string(rune(k)) + id
	return s + string(rune(check(s)))
}

// ItemCode is the code of item no (1–9) of a visit. Later items have none and ok is false.
func ItemCode(visit string, no int) (code string, ok bool) {
	if no < 1 || no > 9 {
		return "", false
	}
	return MakeCode(Kind('0'+byte(no)), visit), true
}

// ActionCode is the code of an action card of a store.
func ActionCode(storeTag string, a Action) string {
	return MakeCode(KindAction, storeTag+"000"+string(a))
}

// MakeID composes the ten characters of an id: store tag (3), board (1), the
// day number of t mod 1024 (2) and four characters drawn from random.
func MakeID(storeTag string, board byte, t time.Time, random uint32) string {
	y, m, d := t.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400 % 1024
	b := make([]byte, 0, 10)
	b = append(b, storeTag...)
	b = append(b, board, crockford[day/32], crockford[day%32])
	for shift := 15; shift >= 0; shift -= 5 {
		b = append(b, crockford[random>>shift&31])
	}
	return string(b)
}

// DaysSince is how many days before t an id was made, as far as two characters
// can tell: 0 to 1023; 0 if the id is none.
func DaysSince(id string, t time.Time) int {
	if len(id) != 10 {
		return 0
	}
	hi, lo := strings.IndexByte(crockford, id[4]), strings.IndexByte(crockford, id[5])
	if hi < 0 || lo < 0 {
		return 0
	}
	y, m, d := t.Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400
	return int(((day-int64(hi*32+lo))%1024 + 1024) % 1024)
}

// ValidTag says whether s can be a store tag: three Crockford characters.
func ValidTag(s string) bool {
	return len(s) == 3 && strings.Trim(s, crockford) == ""
}

// ValidBoard says whether b can be a board's character: a letter, since ticket
// numbers for people carry it too (A017).
func ValidBoard(b byte) bool { return b >= 'A' && strings.IndexByte(crockford, b) >= 0 }

// TicketNumber is the number for people: the board's letter and the running number of the day.
func TicketNumber(board byte, n int) string { return fmt.Sprintf("%c%03d", board, n) }

// check is the ISO 7064 mod 37,36 check character of s over 0–9A–Z.
func check(s string) byte {
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	p := 36
	for i := range len(s) {
		// (p + worth) mod 36, with 36 for 0, then twice that mod 37: of small numbers.
		if p += worth(s[i]); p > 36 {
			p -= 36
		} else if p == 0 {
			p = 36
		}
		if p *= 2; p > 36 {
			p -= 37
		}
	}
	return alphabet[(37-p)%36]
}

// worth is what a character counts for in the check, -1 if it is none of its own.
func worth(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	return -1
}
