package ticket

import (
	"fmt"
	"strconv"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/kiosk/words"
)

// Bounds on texts from outside, in characters.
const (
	maxStore = 40
	maxItem  = 60
	maxNo    = 8
)

const (
	left = iota
	centre
)

// pen draws the parts that documents share. Between its methods the paper is
// at size 1, not bold.
type pen struct{ Paper }

// big prints a line magnified, as far as it fits in one line.
func (p *pen) big(s string, w, h int) {
	if n := columns(s); n > 0 {
		w = max(1, min(w, p.Columns()/n))
	}
	p.Size(w, h)
	p.Text(s)
	p.Size(1, 1)
}

// both prints a text in Chinese, magnified, and in English below it, small.
func (p *pen) both(key words.Key, w, h int, args ...string) {
	p.big(words.Text(words.ZH, key, args...), w, h)
	p.Text(words.Text(words.EN, key, args...))
}

// each is both with an argument that is itself a text in both languages.
func (p *pen) each(key words.Key, w, h int, arg words.Key) {
	p.big(words.Text(words.ZH, key, words.Text(words.ZH, arg)), w, h)
	p.Text(words.Text(words.EN, key, words.Text(words.EN, arg)))
}

// pair prints a text in both languages on one small line.
func (p *pen) pair(key words.Key, args ...string) {
	p.Text(words.Text(words.ZH, key, args...) + "  " + words.Text(words.EN, key, args...))
}

// banner prints a mark that cannot be overlooked.
func (p *pen) banner(key words.Key) {
	p.Align(centre)
	p.Bold(true)
	p.big("** "+words.Text(words.ZH, key)+" "+words.Text(words.EN, key)+" **", 2, 2)
	p.Bold(false)
}

// head begins a document: store, title, number, masked plate.
func (p *pen) head(v View, title words.Key) {
	p.Align(centre)
	p.Bold(true)
	p.big(clip(v.Store, maxStore), 2, 2)
	p.Bold(false)
	p.pair(title)
	p.Rule()
	p.number(number(v))
	p.plate(v)
}

func (p *pen) number(no string) {
	if no == "" {
		return
	}
	p.Bold(true)
	p.big(no, 8, 8)
	p.Bold(false)
}

func (p *pen) plate(v View) {
	if v.Plate != "" {
		p.big(vin.Mask(vin.Plate(clip(v.Plate, 12))), 2, 2)
	}
}

// due prints a promise: the time large, the day beside it.
func (p *pen) due(t time.Time, v View) {
	p.Bold(true)
	p.big(local(t, v).Format("15:04"), 5, 5)
	p.Bold(false)
	p.big(day(t, v), 2, 2)
	p.Text(zoned(t, v))
}

// number is the ticket number of the view's visit, "" while unknown.
func number(v View) string {
	if v.Visit == nil {
		return ""
	}
	return clip(v.Visit.Ticket, maxNo)
}

func local(t time.Time, v View) time.Time {
	if v.Zone == nil {
		return t
	}
	return t.In(v.Zone)
}

// zoned is a time as slips state it, with its offset: "2026-11-21 09:31 +08:00".
func zoned(t time.Time, v View) string { return local(t, v).Format("2006-01-02 15:04 -07:00") }

// day is the date as people say it: "11月21日 星期六".
func day(t time.Time, v View) string {
	l := local(t, v)
	weekday := words.Text(words.ZH, words.Key("ticket.weekday."+strconv.Itoa(int(l.Weekday()))))
	return fmt.Sprintf("%s %s", words.Text(words.ZH, "ticket.date", strconv.Itoa(int(l.Month())), strconv.Itoa(l.Day())), weekday)
}

// columns is the width of a text at size 1: every character that is not ASCII
// takes two.
func columns(s string) (n int) {
	for _, r := range s {
		n++
		if r >= 0x80 {
			n++
		}
	}
	return n
}

// visitCode is the bar code of a visit, printed wherever its ticket may be scanned.
func (p *pen) visitCode(visit string) {
	p.Align(centre)
	p.Feed(1)
	p.Code128(kiosk.MakeCode(kiosk.KindVisit, visit))
}
