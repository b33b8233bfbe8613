package health

import (
	"strconv"
	"time"

	"baylight/kiosk/words"
)

// Lost is a run of records that were destroyed. What was in them nobody can say;
// when they were made the records beside them tell.
type Lost struct {
	Count  uint64
	Before Beside // the last record before the run
	After  Beside // the first one after it
}

// Beside is a record next to a run; the zero value: there is none.
type Beside struct {
	At     time.Time
	Unsure bool // its clock was not set
}

// Shown is how many runs are told with their times; of more, the last ones.
const Shown = 5

// Phrases say of each run how many records it had and between which times, on the
// clocks of the store.
func Phrases(runs []Lost, zone *time.Location) []words.Message {
	if zone == nil {
		zone = time.UTC
	}
	var out []words.Message
	var more uint64
	for i, l := range runs {
		if i < len(runs)-Shown {
			more += l.Count
			continue
		}
		out = append(out, l.phrase(zone))
	}
	if more > 0 {
		out = append(out, words.Say("lost.more", number(more)))
	}
	return out
}

func (l Lost) phrase(zone *time.Location) words.Message {
	from, to, n := l.Before.At, l.After.At, number(l.Count)
	unsure := ""
	if l.Before.Unsure || l.After.Unsure || !from.IsZero() && !to.IsZero() && to.Before(from) {
		unsure = ".unsure"
	}
	switch {
	case from.IsZero() && to.IsZero():
		return words.Say("lost.unknown", n)
	case from.IsZero():
		return words.Say(words.Key("lost.before"+unsure), n, minute(to, zone))
	case to.IsZero():
		return words.Say(words.Key("lost.since"+unsure), n, minute(from, zone))
	}
	end := minute(to, zone)
	if from.In(zone).Format(time.DateOnly) == to.In(zone).Format(time.DateOnly) {
		end = to.In(zone).Format("15:04")
	}
	return words.Say(words.Key("lost.between"+unsure), n, minute(from, zone), end)
}

func minute(t time.Time, zone *time.Location) string { return t.In(zone).Format("2006-01-02 15:04") }

func number(n uint64) string { return strconv.FormatUint(n, 10) }
