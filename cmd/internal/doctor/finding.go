package doctor

import (
	"strings"

	"baylight/kiosk/words"
)

// Level is how bad a finding is.
type Level string

// The levels, the best first.
const (
	OK    Level = "ok"
	Look  Level = "look"  // works, and somebody should look at it
	Wrong Level = "wrong" // does not work, or soon will not
)

// Number is 0, 1 or 2: the exit code of a command that found this at worst.
func (l Level) Number() int {
	switch l {
	case OK:
		return 0
	case Look:
		return 1
	}
	return 2
}

// Text is a finding in one language. Why and Next are empty where all is well.
type Text struct {
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	Next string `json:"next,omitempty"`
}

// Finding is one thing that was looked at.
type Finding struct {
	Area   string `json:"area"`             // e.g. "disk"
	Code   string `json:"code"`             // e.g. "disk.full"; it never changes its meaning
	Level  Level  `json:"level"`            //
	Unseen bool   `json:"unseen,omitempty"` // it could not be looked at; the level is OK
	ZH     Text   `json:"zh"`
	EN     Text   `json:"en"`
}

// In is the finding's text in a language.
func (f Finding) In(l words.Lang) Text {
	if l == words.EN {
		return f.EN
	}
	return f.ZH
}

// Report is everything that was found, in the order of the areas.
type Report struct {
	Level    Level     `json:"level"`
	Findings []Finding `json:"findings"`
}

// say makes a finding of the words doctor.CODE, doctor.CODE.why and .next.
// Arguments may come from devices and files: they are kept to one printable line.
func say(level Level, code string, args ...string) Finding {
	for i := range args {
		args[i] = plain(args[i])
	}
	area, _, _ := strings.Cut(code, ".")
	text := func(l words.Lang) Text {
		t := Text{What: words.Text(l, words.Key("doctor."+code), args...)}
		if level != OK {
			t.Why, t.Next = words.Text(l, words.Key("doctor."+code+".why"), args...), words.Text(l, words.Key("doctor."+code+".next"), args...)
		}
		return t
	}
	return Finding{Area: area, Code: code, Level: level, ZH: text(words.ZH), EN: text(words.EN)}
}

// unseen says that something could not be looked at, and why.
func unseen(area, what string, err error) Finding {
	f := say(OK, "unseen", what, err.Error())
	f.Area, f.Unseen = area, true
	return f
}

// maxArgument bounds what is quoted of a device or file, in characters.
const maxArgument = 400

func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	if runes := []rune(s); len(runes) > maxArgument {
		s = string(runes[:maxArgument]) + "…"
	}
	return s
}
