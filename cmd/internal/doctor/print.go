package doctor

import (
	"fmt"
	"io"
	"strconv"

	"baylight/kiosk/words"
)

// marks stand before a finding, so that it is told apart without colours.
func marks(f Finding) string {
	switch {
	case f.Unseen:
		return "?"
	case f.Level == OK:
		return "✓"
	case f.Level == Look:
		return "!"
	}
	return "✗"
}

// Print writes a report for people, in these languages, one below the other. quiet
// leaves out what is well.
func (r Report) Print(w io.Writer, board string, quiet bool, langs ...words.Lang) error {
	out := &sheet{w: w}
	for _, l := range langs {
		out.line("%s", words.Text(l, "doctor.title", board))
	}
	counts, blind := map[Level]int{}, 0
	for _, f := range r.Findings {
		if f.Unseen {
			blind++
		} else {
			counts[f.Level]++
		}
		if quiet && f.Level == OK && !f.Unseen {
			continue
		}
		for i, l := range langs {
			t, mark := f.In(l), marks(f)
			if i > 0 {
				mark = " "
			}
			out.line("%s %s", mark, t.What)
			if t.Why != "" {
				out.line("    %s", t.Why)
			}
			if t.Next != "" && (i == 0 || t.Next != f.In(langs[0]).Next) {
				out.line("    → %s", t.Next)
			}
		}
	}
	for _, l := range langs {
		out.line("%s", words.Text(l, "doctor.sum", strconv.Itoa(counts[Wrong]), strconv.Itoa(counts[Look]), strconv.Itoa(counts[OK]), strconv.Itoa(blind)))
	}
	return out.err
}

// sheet takes lines until it cannot.
type sheet struct {
	w   io.Writer
	err error
}

func (p *sheet) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}
