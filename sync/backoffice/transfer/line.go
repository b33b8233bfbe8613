package transfer

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"baylight/kiosk"
	"baylight/sync/backoffice"
)

// MaxLine bounds one line of a file, in bytes.
const MaxLine = 256 << 10

// Item is what one line says: an event or a person part.
type Item struct {
	Entry  *backoffice.Entry
	Person *backoffice.PersonEntry
}

// partLine is the line of a person part.
type partLine struct {
	ID     string          `json:"id"`
	Source string          `json:"source"`
	Person json.RawMessage `json:"person"`
}

// ParseLine reads one line of a store's file.
func ParseLine(store string, line []byte) (Item, error) {
	var form struct {
		SpecVersion *json.RawMessage `json:"specversion"`
		Base64      *string          `json:"base64"`
		Person      json.RawMessage  `json:"person"`
	}
	if err := json.Unmarshal(line, &form); err != nil {
		return Item{}, fmt.Errorf("is no JSON object: %w", err)
	}
	switch {
	case form.SpecVersion != nil:
		e, err := backoffice.ReadEvent(store, bytes.Clone(line))
		return Item{Entry: &e}, err
	case form.Base64 != nil:
		inner, err := base64.StdEncoding.DecodeString(*form.Base64)
		if err != nil {
			return Item{}, fmt.Errorf("base64: %w", err)
		}
		if wrapped(inner) {
			return ParseLine(store, inner)
		}
		return Item{}, errors.New("base64 holds a line that needs none")
	case form.Person != nil:
		return parsePart(store, line)
	}
	return Item{}, errors.New("is neither an event (specversion) nor a person part (person)")
}

func parsePart(store string, line []byte) (Item, error) {
	var p partLine
	if err := json.Unmarshal(line, &p); err != nil {
		return Item{}, fmt.Errorf("is no person part: %w", err)
	}
	epoch, seq, err := kiosk.ParseEventID(p.ID)
	if err != nil || seq > 1<<63-1 || len(epoch) > 64 {
		return Item{}, fmt.Errorf("person part: id %.80q is not <epoch>-<sequence>", p.ID)
	}
	if prefix := kiosk.KioskSource(store, ""); len(p.Source) <= len(prefix) || p.Source[:len(prefix)] != prefix || len(p.Source) > len(prefix)+32 {
		return Item{}, fmt.Errorf("person part: source %.80q is of no board of store %s", p.Source, store)
	}
	out := backoffice.PersonEntry{Store: store, Source: p.Source, Epoch: epoch, Seq: seq}
	if !bytes.Equal(p.Person, []byte("null")) {
		if _, err := kiosk.DecodePerson(p.Person); err != nil {
			return Item{}, errors.New("person part: person is no object of salt, vin, plate, phone, name and text") // its words may be personal
		}
		out.Bytes = p.Person
	}
	return Item{Person: &out}, nil
}

// wrapped says whether bytes cannot stand in a line as they are.
func wrapped(b []byte) bool {
	return bytes.IndexByte(b, '\n') >= 0 || len(bytes.TrimSpace(b)) != len(b)
}

// appendLine writes one line.
func appendLine(out *bufio.Writer, b []byte) {
	if wrapped(b) { // what out refuses, its Flush tells
		_, _ = out.WriteString(`{"base64":"` + base64.StdEncoding.EncodeToString(b) + "\"}\n")
		return
	}
	_, _ = out.Write(b)
	_ = out.WriteByte('\n')
}

// lines calls f with each line that is not blank, by its number from 1. A line
// that is too long is passed as nil.
func lines(r io.Reader, f func(n int, line []byte) error) error {
	in := bufio.NewReaderSize(r, MaxLine+2)
	for n := 1; ; n++ {
		line, err := in.ReadSlice('\n')
		long := errors.Is(err, bufio.ErrBufferFull) || len(bytes.TrimRight(line, "\r\n")) > MaxLine
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = in.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if n == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		line = bytes.TrimSpace(line)
		if long {
			line = nil
		}
		if long || len(line) > 0 {
			if err := f(n, line); err != nil {
				return err
			}
		}
		if err != nil {
			return nil
		}
	}
}
