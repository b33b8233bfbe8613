package health

import (
	"testing"
	"time"

	"baylight/kiosk/words"
)

// A run is told by the clocks of the store, with what is known of its two ends.
func TestPhrases(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	at := func(day, hour, min int) Beside {
		return Beside{At: time.Date(2026, 11, day, hour, min, 59, 0, zone).UTC()}
	}
	guess := func(b Beside) Beside { b.Unsure = true; return b }
	for name, c := range map[string]struct {
		runs   []Lost
		zh, en string
	}{
		"a day":            {[]Lost{{3, at(3, 9, 5), at(3, 10, 7)}}, "2026-11-03 09:05 至 10:07 之间 3 条", "3 between 2026-11-03 09:05 and 10:07"},
		"a day of a store": {[]Lost{{3, at(3, 7, 5), at(3, 9, 7)}}, "2026-11-03 07:05 至 09:07 之间 3 条", "3 between 2026-11-03 07:05 and 09:07"}, // two days in UTC
		"two days":         {[]Lost{{3, at(3, 23, 5), at(4, 0, 7)}}, "2026-11-03 23:05 至 2026-11-04 00:07 之间 3 条", "3 between 2026-11-03 23:05 and 2026-11-04 00:07"},
		"no beginning":     {[]Lost{{1, Beside{}, at(3, 10, 7)}}, "2026-11-03 10:07 之前 1 条", "1 before 2026-11-03 10:07"},
		"no end":           {[]Lost{{1, at(3, 10, 7), Beside{}}}, "2026-11-03 10:07 以后 1 条", "1 since 2026-11-03 10:07"},
		"neither":          {[]Lost{{7, Beside{}, Beside{}}}, "7 条，时间不明", "7 at an unknown time"},
		"unsure":           {[]Lost{{3, guess(at(3, 9, 5)), at(3, 10, 7)}}, "大约 2026-11-03 09:05 至 10:07 之间 3 条（时间不确定）", "3 between about 2026-11-03 09:05 and 10:07 (time uncertain)"},
		"unsure end":       {[]Lost{{3, at(3, 9, 5), guess(at(3, 10, 7))}}, "大约 2026-11-03 09:05 至 10:07 之间 3 条（时间不确定）", "3 between about 2026-11-03 09:05 and 10:07 (time uncertain)"},
		"unsure, before":   {[]Lost{{3, Beside{}, guess(at(3, 10, 7))}}, "大约 2026-11-03 10:07 之前 3 条（时间不确定）", "3 before about 2026-11-03 10:07 (time uncertain)"},
		"unsure, since":    {[]Lost{{3, guess(at(3, 9, 5)), Beside{}}}, "大约 2026-11-03 09:05 以后 3 条（时间不确定）", "3 since about 2026-11-03 09:05 (time uncertain)"},
		"backwards":        {[]Lost{{3, at(3, 10, 7), at(3, 9, 5)}}, "大约 2026-11-03 10:07 至 09:05 之间 3 条（时间不确定）", "3 between about 2026-11-03 10:07 and 09:05 (time uncertain)"},
		"many": {[]Lost{{Count: 20}, {Count: 3}, {Count: 1}, {Count: 1}, {Count: 1}, {Count: 1}, {2, at(3, 10, 7), Beside{}}},
			"1 条，时间不明；1 条，时间不明；1 条，时间不明；1 条，时间不明；2026-11-03 10:07 以后 2 条；另外还有 23 条",
			"1 at an unknown time; 1 at an unknown time; 1 at an unknown time; 1 at an unknown time; 2 since 2026-11-03 10:07; 23 more"},
	} {
		list := Phrases(c.runs, zone)
		if zh, en := words.Listed(words.ZH, list), words.Listed(words.EN, list); zh != c.zh || en != c.en {
			t.Errorf("%s: %q and %q", name, zh, en)
		}
	}
	if got := words.Listed(words.EN, Phrases([]Lost{{1, at(3, 10, 7), Beside{}}}, nil)); got != "1 since 2026-11-03 02:07" {
		t.Errorf("without a zone: %q", got)
	}
}
