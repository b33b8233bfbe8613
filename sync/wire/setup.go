package wire

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"baylight/kiosk"
)

// Bounds of a store's setup.
const (
	MaxSetupBytes  = 256 << 10
	MaxMenu        = 500
	MaxSetupBays   = 200
	MaxTargets     = 100
	MaxSpecialDays = 4000
	MaxCriteria    = 40
)

// Setup is what figures and boards depend on besides events, as the back office
// has it, retained on Store.Setup and recorded in setup.changed. It names no person.
type Setup struct {
	Calendar SetupCalendar    `json:"calendar"`
	Menu     []SetupItem      `json:"menu"`
	Bays     []SetupBay       `json:"bays"`
	Staff    []SetupStaff     `json:"staff"`             // by id
	Targets  map[string]int64 `json:"targets,omitempty"` // the store's own, by name, whole numbers in the unit that the name says
	// Appraisal is what 绩效得分 is made of; boards pay no heed to it.
	Appraisal []SetupCriterion `json:"appraisal,omitempty"`
	// ReworkBands are the shares in per cent from which on a rework rate has consequences, rising.
	ReworkBands []int64 `json:"rework_bands,omitempty"`
	// Previous is the id of the setup.changed before, "" for the first: so that
	// what was in force at any time can be found.
	Previous string `json:"previous,omitempty"`
}

// SetupCalendar is kiosk.Calendar.
type SetupCalendar struct {
	Zone string                `json:"zone"` // e.g. Asia/Shanghai
	Week []SetupHours          `json:"week"` // seven, Sunday first
	Days map[string]SetupHours `json:"days"` // exceptions by store-local date
	// Holidays is whose public holidays are among Days, Years the years they are known for.
	Holidays string `json:"holidays,omitempty"`
	Years    []int  `json:"years,omitempty"`
}

// SetupHours are the opening hours of a day in minutes after midnight; both 0: closed.
type SetupHours struct {
	Open  int `json:"open"`
	Close int `json:"close"`
}

// SetupItem is a line of the service menu.
type SetupItem struct {
	Code     string         `json:"code"`
	Text     string         `json:"text"`
	Category kiosk.Category `json:"category"`
	Payer    string         `json:"payer"`
	Minutes  int            `json:"minutes"` // standard minutes
}

// SetupBay is a bay as people call it.
type SetupBay struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Wash bool   `json:"wash,omitempty"`
}

// SetupStaff is a member of staff as figures know one.
type SetupStaff struct {
	ID    string   `json:"id"`
	Roles []string `json:"roles"`
	Team  string   `json:"team,omitempty"`
}

// SetupCriterion is one criterion of an appraisal.
type SetupCriterion struct {
	For    string `json:"for"`    // adviser or technician
	Figure string `json:"figure"` // with its unit, as targets are named
	Kind   string `json:"kind"`   // control or growth
	Plan   int64  `json:"plan"`
	Weight int64  `json:"weight"`        // per cent
	Cap    int64  `json:"cap,omitempty"` // most points of a growth criterion; 0: none
}

// CalendarOf is a calendar as it travels; it has a zone.
func CalendarOf(c kiosk.Calendar) SetupCalendar {
	out := SetupCalendar{Zone: c.Zone.String(), Days: map[string]SetupHours{}, Holidays: c.Holidays, Years: c.Years}
	for _, h := range c.Week {
		out.Week = append(out.Week, hoursOf(h))
	}
	for day, h := range c.Days {
		out.Days[day] = hoursOf(h)
	}
	return out
}

func hoursOf(h kiosk.Hours) SetupHours {
	return SetupHours{int(h.Open / time.Minute), int(h.Close / time.Minute)}
}

func (h SetupHours) hours() kiosk.Hours {
	return kiosk.Hours{Open: time.Duration(h.Open) * time.Minute, Close: time.Duration(h.Close) * time.Minute}
}

// Calendar is the calendar to reckon with, in zone unless that is nil; then in
// the zone it names.
func (c SetupCalendar) Calendar(zone *time.Location) (kiosk.Calendar, error) {
	if err := c.check(); err != nil {
		return kiosk.Calendar{}, err
	}
	if zone == nil {
		var err error
		if zone, err = time.LoadLocation(c.Zone); err != nil {
			return kiosk.Calendar{}, fmt.Errorf("calendar: zone %q is not known here", clip(c.Zone, 40))
		}
	}
	out := kiosk.Calendar{Zone: zone, Days: map[string]kiosk.Hours{}, Holidays: c.Holidays, Years: slices.Clone(c.Years)}
	for i, h := range c.Week {
		out.Week[i] = h.hours()
	}
	for day, h := range c.Days {
		out.Days[day] = h.hours()
	}
	return out, nil
}

// Encode makes the payload.
func (s Setup) Encode() ([]byte, error) {
	if err := s.Check(); err != nil {
		return nil, fmt.Errorf("encode setup: %w", err)
	}
	if s.Calendar.Days == nil {
		s.Calendar.Days = map[string]SetupHours{}
	}
	s.Menu, s.Bays, s.Staff = listed(s.Menu), listed(s.Bays), listed(s.Staff)
	return encode("setup", s, MaxSetupBytes)
}

// listed is a list that is written as one though it is empty.
func listed[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// DecodeSetup reads a setup.
func DecodeSetup(b []byte) (s Setup, err error) {
	if err = decode(b, MaxSetupBytes, &s); err == nil {
		err = s.Check()
	}
	if err != nil {
		return Setup{}, fmt.Errorf("decode setup: %w", err)
	}
	return s, nil
}

// Check reports what cannot be right, naming it.
func (s Setup) Check() error {
	if err := s.Calendar.check(); err != nil {
		return err
	}
	if len(s.Menu) > MaxMenu || len(s.Bays) > MaxSetupBays || len(s.Staff) > MaxPeople || len(s.Targets) > MaxTargets {
		return fmt.Errorf("%d items, %d bays, %d people, %d targets; at most %d, %d, %d, %d are allowed",
			len(s.Menu), len(s.Bays), len(s.Staff), len(s.Targets), MaxMenu, MaxSetupBays, MaxPeople, MaxTargets)
	}
	seen := map[string]bool{}
	once := func(what, id string) error {
		if seen[what+id] {
			return fmt.Errorf("%s %q is there twice", what, clip(id, 40))
		}
		seen[what+id] = true
		return nil
	}
	for _, m := range s.Menu {
		ok := m.Code != "" && shown(m.Code, 40) && shown(m.Text, 120) && slices.Contains(kiosk.Categories(), m.Category) && slices.Contains(kiosk.Payers(), m.Payer) && m.Minutes >= 0 && m.Minutes <= 10_000
		if !ok {
			return fmt.Errorf("menu: item %q of category %q and payer %q with %d minutes is none", clip(m.Code, 40), clip(string(m.Category), 40), clip(m.Payer, 40), m.Minutes)
		}
		if err := once("menu item", m.Code); err != nil {
			return err
		}
	}
	for _, b := range s.Bays {
		if err := CheckName(b.ID); err != nil || !shown(b.Name, 60) {
			return fmt.Errorf("bay %q: its id or name is none", clip(b.ID, 40))
		}
		if err := once("bay", b.ID); err != nil {
			return err
		}
	}
	for _, p := range s.Staff {
		if err := CheckName(p.ID); err != nil || len(p.Roles) > 10 || !shown(p.Team, 60) {
			return fmt.Errorf("staff %q: id, roles or team are none", clip(p.ID, 40))
		}
		if err := once("staff", p.ID); err != nil {
			return err
		}
	}
	for name := range maps.Keys(s.Targets) {
		if !word(name) {
			return fmt.Errorf("target %q is not named by words of a-z joined by _", clip(name, 80))
		}
	}
	if len(s.Appraisal) > MaxCriteria {
		return fmt.Errorf("%d criteria; at most %d are allowed", len(s.Appraisal), MaxCriteria)
	}
	if len(s.ReworkBands) > 10 || !slices.IsSorted(s.ReworkBands) || len(s.ReworkBands) > 0 && (s.ReworkBands[0] < 1 || s.ReworkBands[len(s.ReworkBands)-1] > 100) {
		return fmt.Errorf("rework bands %v are not at most 10 rising numbers from 1 to 100", s.ReworkBands[:min(len(s.ReworkBands), 11)])
	}
	for _, c := range s.Appraisal {
		if !word(c.For) || !word(c.Figure) || !word(c.Kind) || c.Plan < 1 || c.Weight < 1 || c.Weight > 100 || c.Cap < 0 {
			return fmt.Errorf("appraisal: %q of %q, %q, plan %d, weight %d, cap %d is no criterion", clip(c.Figure, 60), clip(c.For, 60), clip(c.Kind, 60), c.Plan, c.Weight, c.Cap)
		}
	}
	return nil
}

// word says whether a name is made of words of a-z joined by _.
func word(name string) bool {
	return len(name) > 0 && len(name) <= 60 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func (c SetupCalendar) check() error {
	if len(c.Week) != 7 || len(c.Days) > MaxSpecialDays || len(c.Years) > 200 || len(c.Zone) > 60 || !shown(c.Holidays, 20) {
		return fmt.Errorf("calendar: %d days of the week, %d special days, %d years, zone of %d characters", len(c.Week), len(c.Days), len(c.Years), len(c.Zone))
	}
	for i, h := range c.Week {
		if !h.ok() {
			return fmt.Errorf("calendar: week[%d] is open from minute %d to %d", i, h.Open, h.Close)
		}
	}
	for day, h := range c.Days {
		if _, err := time.Parse(time.DateOnly, day); err != nil || !h.ok() {
			return fmt.Errorf("calendar: day %q is open from minute %d to %d", clip(day, 40), h.Open, h.Close)
		}
	}
	return nil
}

func (h SetupHours) ok() bool {
	return h == SetupHours{} || h.Open >= 0 && h.Open < h.Close && h.Close <= 24*60
}

// shown says whether a text may stand on a screen: bounded, valid, no control characters.
func shown(s string, most int) bool {
	return len(s) <= 4*most && utf8.RuneCountInString(s) <= most && utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 }) < 0
}
