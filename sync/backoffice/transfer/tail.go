package transfer

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"baylight/kiosk"
)

// Tail says where an export that was broken off goes on: keep is how many bytes
// of the file stand, id and hash name the last event in them. The last event of
// the file is left out, since what follows it may be torn; with fewer than two
// nothing is kept.
func Tail(r io.Reader) (keep int64, id, hash string, err error) {
	type end struct {
		at       int64 // where the event's line begins
		id, hash string
	}
	var last, before end
	in := bufio.NewReaderSize(r, MaxLine+2)
	for at := int64(0); ; {
		line, err := in.ReadSlice('\n')
		if err == io.EOF {
			break // the rest is torn
		}
		if err != nil {
			return 0, "", "", fmt.Errorf("read export: a line is longer than %d bytes, or the file cannot be read: %w", MaxLine, err)
		}
		e, ok, err := eventOf(line[:len(line)-1])
		if err != nil {
			return 0, "", "", fmt.Errorf("read export: at byte %d: %w", at, err)
		}
		if ok {
			before, last = last, end{at, e.id, e.hash}
		}
		at += int64(len(line))
	}
	if before.id == "" {
		return 0, "", "", nil
	}
	return last.at, before.id, before.hash, nil
}

type named struct{ id, hash string }

// eventOf names the event that a line holds; ok is false for a person part.
func eventOf(line []byte) (e named, ok bool, err error) {
	var form struct {
		SpecVersion *json.RawMessage `json:"specversion"`
		ID          string           `json:"id"`
		Base64      *string          `json:"base64"`
	}
	if err := json.Unmarshal(line, &form); err != nil {
		return e, false, errors.New("this is no file of events")
	}
	if form.Base64 != nil {
		inner, err := base64.StdEncoding.DecodeString(*form.Base64)
		if err != nil || !wrapped(inner) {
			return e, false, errors.New("this is no file of events")
		}
		return eventOf(inner)
	}
	return named{form.ID, kiosk.HashOf(line).String()}, form.SpecVersion != nil, nil
}
