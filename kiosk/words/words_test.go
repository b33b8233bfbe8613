package words

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

var placeholder = regexp.MustCompile(`\{\d+\}`)

func TestBothLanguagesComplete(t *testing.T) {
	for k, p := range All() {
		if strings.TrimSpace(p.ZH) == "" || strings.TrimSpace(p.EN) == "" {
			t.Errorf("%s: a language is missing: %q / %q", k, p.ZH, p.EN)
		}
		if strings.ContainsFunc(p.EN, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: Chinese in the English text %q", k, p.EN)
		}
		zh, en := placeholder.FindAllString(p.ZH, -1), placeholder.FindAllString(p.EN, -1)
		slices.Sort(zh)
		slices.Sort(en)
		if !slices.Equal(slices.Compact(zh), slices.Compact(en)) {
			t.Errorf("%s: arguments differ: %v in Chinese, %v in English", k, zh, en)
		}
	}
}

func TestText(t *testing.T) {
	if got := Text(ZH, "stage.working"); got != "维修中" {
		t.Errorf("Text(ZH, stage.working) = %q", got)
	}
	m := Message{Key: "health.journal.lost", Args: []string{"{1}"}, List: []Message{Say("lost.before", "3", "2026-11-03 09:00"), Say("lost.more", "4")}}
	if got := m.In(ZH); !strings.Contains(got, "终端 {1} 的") || !strings.Contains(got, "2026-11-03 09:00 之前 3 条；另外还有 4 条") {
		t.Errorf("a message with a list is %q", got)
	}
	if got := m.In(EN); !strings.Contains(got, "3 before 2026-11-03 09:00; 4 more") {
		t.Errorf("in English it is %q", got)
	}
	if got := Text(EN, "no.such.key"); got != "no.such.key" {
		t.Errorf("an unknown key shows %q, want itself", got)
	}
}
