package health

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"baylight/kiosk/words"
)

func TestReasons(t *testing.T) {
	well := func() Facts {
		return Facts{Connected: true, Office: true, DiskFree: 8 << 30, Devices: []Device{{Name: "bay1", Kind: "scanner", Up: true}, {Name: "ticket", Kind: "printer", Up: true}}}
	}
	seen := map[string]bool{}
	for name, c := range map[string]struct {
		change func(*Facts)
		level  Level
		codes  string
	}{
		"all is well":             {func(*Facts) {}, OK, ""},
		"no paper":                {func(f *Facts) { f.Devices[1] = Device{Name: "ticket", Kind: "printer", Cause: "paper"} }, Degraded, "printer.paper"},
		"cover open":              {func(f *Facts) { f.Devices[1] = Device{Name: "ticket", Kind: "printer", Cause: "cover"} }, Degraded, "printer.cover"},
		"printer unplugged":       {func(f *Facts) { f.Devices[1].Up = false }, Degraded, "printer.down"},
		"scanner and lamp":        {func(f *Facts) { f.Devices[0].Up = false; f.Devices[1] = Device{Kind: "lamp"} }, Degraded, "scanner.down lamp.down"},
		"a new kind":              {func(f *Facts) { f.Devices[0] = Device{Kind: "scale", Cause: "paper"} }, Degraded, "device.down"},
		"nothing can be recorded": {func(f *Facts) { f.Broken, f.Devices[1].Up, f.DiskFull = "no space", false, true }, Losing, "journal.refused disk.full printer.down"},
		"starting":                {func(f *Facts) { f.Starting = true }, Degraded, "starting"},
		"destroyed events":        {func(f *Facts) { f.Salvaged, f.Lost = "2 ranges", make([]Lost, 2) }, Losing, "journal.lost"},
		"salvaged whole":          {func(f *Facts) { f.Salvaged = "all of it" }, Degraded, "journal.salvaged"},
		"found damage":            {func(f *Facts) { f.Damage = "hash" }, Losing, "journal.damaged"},
		"snapshot":                {func(f *Facts) { f.Snapshot = "differs" }, Degraded, "journal.snapshot"},
		"disk":                    {func(f *Facts) { f.DiskFree = Little - 1 }, Degraded, "disk.low"},
		"no broker":               {func(f *Facts) { f.Connected, f.Office, f.Depth, f.Oldest = false, false, 9, time.Hour }, Degraded, "broker.away"},
		"no office":               {func(f *Facts) { f.Office = false }, Degraded, "office.away"},
		"no office is waited for": {func(f *Facts) { f.Office, f.ByBroker = false, true }, OK, ""},
		"receipts":                {func(f *Facts) { f.Depth, f.Oldest = 1, Late }, Degraded, "receipts.late"},
		"receipts, almost":        {func(f *Facts) { f.Depth, f.Oldest = 1, Late-1 }, OK, ""},
		"what was told comes last": {func(f *Facts) {
			f.Told = []Reason{{Degraded, "clock", words.Say("alarm.clock_unset"), ""}}
			f.Office = false
		}, Degraded, "office.away clock"},
	} {
		f := well()
		c.change(&f)
		var codes []string
		for _, r := range Reasons(f) {
			codes = append(codes, r.Code)
			seen[r.Code] = true
			if text := r.Text.In(words.EN); text == string(r.Text.Key) || strings.Contains(text, "{") {
				t.Errorf("%s: %s says %q", name, r.Code, text)
			}
		}
		if got := strings.Join(codes, " "); got != c.codes || Worst(Reasons(f)) != c.level {
			t.Errorf("%s: %s, %q; want %s, %q", name, Worst(Reasons(f)), got, c.level, c.codes)
		}
	}
	for key := range words.All() {
		if code, ok := strings.CutPrefix(string(key), "health."); ok && !seen[code] {
			t.Errorf("no case has %s", code)
		}
	}
}

func TestNumber(t *testing.T) {
	got := fmt.Sprint(OK.Number(), Degraded.Number(), Losing.Number(), Level("?").Number())
	if got != "0 1 2 1" {
		t.Error(got)
	}
}
