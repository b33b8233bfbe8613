package wire

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"baylight/kiosk"
)

func goodSetup() Setup {
	c := kiosk.ShanghaiWeek(time.FixedZone("CST", 8*3600))
	c.Days = map[string]kiosk.Hours{"2026-10-01": {}, "2026-10-10": {Open: 9 * time.Hour, Close: 12*time.Hour + 30*time.Minute}}
	c.Holidays, c.Years = "cn", []int{2025, 2026}
	return Setup{Calendar: CalendarOf(c), Menu: []SetupItem{{Code: "M10", Text: "保养", Category: kiosk.Maintenance, Payer: "customer", Minutes: 60}},
		Bays: []SetupBay{{ID: "b1", Name: "1号工位"}}, Staff: []SetupStaff{{ID: "t1", Roles: []string{"technician"}}}, Targets: map[string]int64{"receptions_per_adviser_day": 8},
		Appraisal: []SetupCriterion{{For: "adviser", Figure: "on_time_percent", Kind: "growth", Plan: 95, Weight: 100, Cap: 110}}, ReworkBands: []int64{3, 5, 10}}
}

func TestSetup(t *testing.T) {
	s := goodSetup()
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeSetup(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s, back); diff != "" {
		t.Error(diff)
	}
	zone := time.FixedZone("CST", 8*3600)
	cal, err := back.Calendar.Calendar(zone)
	if err != nil || cal.Zone != zone || cal.Days["2026-10-10"] != (kiosk.Hours{Open: 9 * time.Hour, Close: 12*time.Hour + 30*time.Minute}) || cal.Holidays != "cn" || len(cal.Years) != 2 {
		t.Errorf("%+v, %v", cal, err)
	}
	if cal.Week != kiosk.ShanghaiWeek(zone).Week {
		t.Errorf("the week is %v", cal.Week)
	}
	if _, err := back.Calendar.Calendar(nil); err == nil {
		t.Error("a zone that nobody knows was found")
	}
	for name, change := range map[string]func(*Setup){
		"six days":         func(s *Setup) { s.Calendar.Week = s.Calendar.Week[:6] },
		"closes first":     func(s *Setup) { s.Calendar.Week[0] = SetupHours{Open: 600, Close: 500} },
		"after midnight":   func(s *Setup) { s.Calendar.Week[0] = SetupHours{Open: 600, Close: 1441} },
		"29 February":      func(s *Setup) { s.Calendar.Days["2026-02-29"] = SetupHours{} },
		"category":         func(s *Setup) { s.Menu[0].Category = "luxury" },
		"payer":            func(s *Setup) { s.Menu[0].Payer = "nobody" },
		"minutes":          func(s *Setup) { s.Menu[0].Minutes = -1 },
		"item twice":       func(s *Setup) { s.Menu = append(s.Menu, s.Menu[0]) },
		"control sequence": func(s *Setup) { s.Menu[0].Text = "\x1b[2J" },
		"bay":              func(s *Setup) { s.Bays[0].ID = "B 1" },
		"bay twice":        func(s *Setup) { s.Bays = append(s.Bays, s.Bays[0]) },
		"staff":            func(s *Setup) { s.Staff[0].ID = "" },
		"target":           func(s *Setup) { s.Targets["a b"] = 1 },
		"criterion":        func(s *Setup) { s.Appraisal[0].Figure = "on time" },
		"plan of 0":        func(s *Setup) { s.Appraisal[0].Plan = 0 },
		"weight":           func(s *Setup) { s.Appraisal[0].Weight = 101 },
		"falling bands":    func(s *Setup) { s.ReworkBands = []int64{5, 3} },
		"band of 0":        func(s *Setup) { s.ReworkBands[0] = 0 },
		"too many":         func(s *Setup) { s.Bays = make([]SetupBay, MaxSetupBays+1) },
	} {
		s := goodSetup()
		change(&s)
		if _, err := s.Encode(); err == nil {
			t.Errorf("%s: it is a setup", name)
		}
	}
}

func FuzzDecodeSetup(f *testing.F) {
	b, err := goodSetup().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"calendar":{"zone":"Asia/Shanghai","week":[{},{},{},{},{},{},{}],"days":null}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeSetup(b)
		if err != nil {
			return
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := DecodeSetup(again); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
		if _, err := s.Calendar.Calendar(time.UTC); err != nil {
			t.Errorf("its calendar cannot be used: %v", err)
		}
	})
}

func TestStaffRefused(t *testing.T) {
	good := func() Staff {
		return Staff{Ledger: "l", People: []Member{
			{ID: "t1", Name: "张师傅", BadgeKey: strings.Repeat("0a", 32), Roles: []string{"technician"}, Team: "A", PIN: "$argon2id$v=19$"},
			{ID: "t2", Name: "李师傅", Roles: []string{}}, {ID: "t3", Name: "", Roles: []string{}}}}
	}
	s := good()
	b, err := s.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if back, err := DecodeStaff(b); err != nil || !cmp.Equal(back, s) {
		t.Errorf("%+v, %v", back, err)
	}
	for _, c := range []struct {
		says   string
		change func(*Staff)
	}{
		{"at most", func(s *Staff) { s.People = make([]Member, MaxPeople+1) }},
		{"people, at most", func(s *Staff) { s.Ledger = strings.Repeat("l", 65) }},
		{"people[1]", func(s *Staff) { s.People[1].ID = "T 2" }},
		{`id "t1" or its badge is there twice`, func(s *Staff) { s.People[1].ID = "t1" }},
		{`id "t2" or its badge is there twice`, func(s *Staff) { s.People[1].BadgeKey = s.People[0].BadgeKey }},
		{"control characters", func(s *Staff) { s.People[0].Name = "\x1b[2J" }},
		{"too long", func(s *Staff) { s.People[0].Team = strings.Repeat("队", 61) }},
		{"too long", func(s *Staff) { s.People[0].Roles = slices.Repeat([]string{"technician"}, 11) }},
		{"t1: role", func(s *Staff) { s.People[0].Roles = []string{"a b"} }},
		{"64 hexadecimal", func(s *Staff) { s.People[0].BadgeKey = strings.Repeat("0A", 32) }},
		{"of 62 bytes", func(s *Staff) { s.People[0].BadgeKey = strings.Repeat("0a", 31) }},
		{"no argon2id", func(s *Staff) { s.People[0].PIN = "2468" }},
		{"pin of 401 bytes", func(s *Staff) { s.People[0].PIN = "$argon2id$" + strings.Repeat("x", 391) }},
	} {
		s := good()
		c.change(&s)
		if _, err := s.Encode(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.says, err)
		}
	}
	if _, err := DecodeStaff([]byte(`{"people":[{"id":"t1","pin":"2468"}]}`)); err == nil || strings.Contains(err.Error(), "2468") {
		t.Errorf("a PIN in the clear: %v", err)
	}
}

func FuzzDecodeStaff(f *testing.F) {
	f.Add([]byte(`{"ledger":"l","people":[{"id":"t1","name":"n","badge_key":"` + strings.Repeat("0a", 32) + `","roles":["technician"],"pin":"$argon2id$v=19$"}]}`))
	f.Add([]byte(`{"people":[{"id":"t1","name":"","roles":null}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := DecodeStaff(b)
		if err != nil {
			return
		}
		if len(s.People) > MaxPeople {
			t.Errorf("%d people", len(s.People))
		}
		again, err := s.Encode()
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if _, err := DecodeStaff(again); err != nil {
			t.Errorf("what was written cannot be read: %v", err)
		}
	})
}
