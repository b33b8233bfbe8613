package kiosk

import (
	"bytes"
	"strings"
)

// readOwn reads the envelope of bytes as Encode writes them: these members in
// this order, no white space, no escapes, ASCII. ok is false for anything else,
// which says nothing about whether it is an event. It saves one of two passes of
// encoding/json; the data is left to that.
func readOwn(b []byte) (env envelope, ok bool) {
	const data = `"data":{`
	at := bytes.Index(b[:min(len(b), maxHead)], []byte(data)) + len(data) - 1
	if at < len(data) || b[len(b)-1] != '}' {
		return env, false
	}
	r := reader{rest: string(b[:at]), ok: true}
	r.skip("{")
	env = envelope{
		SpecVersion: r.member("specversion"), ID: r.member("id"), Source: r.member("source"), Type: r.member("type"), Subject: r.optional("subject"),
		Time: r.member("time"), DataContentType: r.member("datacontenttype"), DataSchema: r.member("dataschema"), Sequence: r.member("sequence"),
		Epoch: r.member("epoch"), BootID: r.member("bootid"), UptimeMS: r.member("uptimems"), Clock: Quality(r.member("clock")), Prev: r.member("prev"),
		Was: r.optional("was"), WasHash: r.optional("washash"), Data: b[at : len(b)-1],
	}
	return env, r.ok && r.rest == `"data":`
}

// maxHead is how far into an event its data must begin for readOwn.
const maxHead = 2048

// reader takes an envelope's members off its front.
type reader struct {
	rest string
	ok   bool
}

func (r *reader) skip(s string) {
	rest, found := strings.CutPrefix(r.rest, s)
	r.rest, r.ok = rest, r.ok && found
}

// member takes `"name":"value",`.
func (r *reader) member(name string) string {
	r.skip(`"`)
	r.skip(name)
	r.skip(`":"`)
	for i := 0; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			value := r.rest[:i]
			r.rest = r.rest[i+1:]
			r.skip(",")
			return value
		case c < ' ' || c >= 0x80 || c == '\\':
			r.ok = false
			return ""
		}
	}
	r.ok = false
	return ""
}

func (r *reader) optional(name string) string {
	if !strings.HasPrefix(r.rest, `"`+name+`":`) {
		return ""
	}
	return r.member(name)
}
