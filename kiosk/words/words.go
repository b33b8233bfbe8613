// Package words holds every text people read, in Chinese first and English
// second, and nothing else holds any. A text is named by its [Key]; the pairs
// stand in one file per room (floor.go, screen.go, ticket.go, office.go, …). A
// test keeps both languages complete.
//
// Texts may contain {0}, {1} … for arguments. Arguments are data from outside:
// whoever shows a text escapes it for its own medium (HTML, ESC/POS, log).
package words

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Lang is a language of screens and paper.
type Lang string

// The two languages; ZH is the default everywhere.
const (
	ZH Lang = "zh-CN"
	EN Lang = "en"
)

// Key names a text, e.g. "floor.started".
type Key string

// Pair is a text in both languages.
type Pair struct{ ZH, EN string }

// Message is a text with its arguments, not yet in a language.
type Message struct {
	Key  Key
	Args []string
	List []Message // one text, which is the argument after Args; nil: there is none
}

// Say makes a message.
func Say(key Key, args ...string) Message { return Message{Key: key, Args: args} }

// In is the message in a language.
func (m Message) In(l Lang) string {
	if m.List == nil {
		return Text(l, m.Key, m.Args...)
	}
	return Text(l, m.Key, append(slices.Clone(m.Args), Listed(l, m.List))...)
}

// Listed is one text of several.
func Listed(l Lang, list []Message) string {
	texts := make([]string, len(list))
	for i, m := range list {
		texts[i] = m.In(l)
	}
	if l == EN {
		return strings.Join(texts, "; ")
	}
	return strings.Join(texts, "；")
}

// Text is the text of key in l with its arguments filled in. An unknown key
// shows itself, so that a gap is seen and not hidden.
func Text(l Lang, key Key, args ...string) string {
	p, ok := catalogue[key]
	if !ok {
		return string(key)
	}
	s := p.ZH
	if l == EN {
		s = p.EN
	}
	if len(args) == 0 {
		return s
	}
	pairs := make([]string, 0, 2*len(args))
	for i, a := range args {
		pairs = append(pairs, "{"+strconv.Itoa(i)+"}", a)
	}
	return strings.NewReplacer(pairs...).Replace(s)
}

// All is a copy of the whole catalogue, for tests and tools.
func All() map[Key]Pair { return maps.Clone(catalogue) }

// catalogue is filled once, from one function per room, and never changed.
var catalogue = merge(domainWords(), floorWords(), stationWords(), screenWords(), ticketWords(), officeWords(), commandWords(), setupWords(), healthWords(), doctorWords())

func merge(rooms ...map[Key]Pair) map[Key]Pair {
	all := map[Key]Pair{}
	for _, r := range rooms {
		for k, p := range r {
			if _, twice := all[k]; twice {
				panic("words: key " + string(k) + " is defined twice")
			}
			all[k] = p
		}
	}
	return all
}
