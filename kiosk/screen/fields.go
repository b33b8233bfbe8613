package screen

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"baylight/kiosk"
	"baylight/kiosk/words"
)

// Bounds on what people type, in characters.
const (
	maxText  = 200
	maxWord  = 64
	maxItems = 40
)

// fields are the values of a form, or of a JSON object with the same names:
//
//	{"visit": "…", "item": ["M10", "W07"], "payer.W07": "store", "consent": true}
type fields struct {
	values url.Values
	setup  Setup
	zone   *time.Location
}

// badInput names a field and says what would be right. Nothing was done.
type badInput struct {
	Field string
	words.Message
}

func (e *badInput) Error() string { return "read field " + e.Field + ": " + e.In(words.EN) }

func bad(field string, key words.Key, args ...string) error {
	return &badInput{Field: field, Message: words.Say(key, args...)}
}

// errJSON says that a body is no JSON object of plain values.
var errJSON = errors.New("the body is not one JSON object of texts, numbers, true/false and lists of texts")

// readJSON reads a JSON object as the values of a form.
func readJSON(body io.Reader) (url.Values, error) {
	dec := json.NewDecoder(body)
	dec.UseNumber()
	var object map[string]any
	if err := dec.Decode(&object); err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF || object == nil {
		return nil, errJSON
	}
	values := url.Values{}
	for name, v := range object {
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		}
		for _, one := range list {
			text, ok := plain(one)
			if !ok {
				return nil, fmt.Errorf("field %q: %w", clip(name, 40), errJSON)
			}
			values.Add(name, text)
		}
	}
	return values, nil
}

func plain(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		if v {
			return "1", true
		}
		return "", true
	case nil:
		return "", true
	}
	return "", false
}

// tooLarge is the status of a body that could not be read.
func tooLarge(err error) int {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

// sum is a hash of all values: the same form sent twice has the same.
func (f fields) sum() string {
	h := sha256.Sum256([]byte(f.values.Encode()))
	return string(h[:])
}

// text is one line of at most n characters; "" if the field is not there.
func (f fields) text(name string, n int) (string, error) {
	s := strings.TrimSpace(f.values.Get(name))
	switch {
	case !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl):
		return "", bad(name, "screen.bad.characters", f.label(name))
	case utf8.RuneCountInString(s) > n:
		return "", bad(name, "screen.bad.long", f.label(name), strconv.Itoa(n))
	}
	return s, nil
}

// need is a text that must be there.
func (f fields) need(name string, n int) (string, error) {
	s, err := f.text(name, n)
	if err == nil && s == "" {
		err = bad(name, "screen.bad.missing", f.label(name))
	}
	return s, err
}

// one is one of the given values.
func (f fields) one(name string, of []string) (string, error) {
	s, err := f.need(name, maxWord)
	if err != nil {
		return "", err
	}
	for _, v := range of {
		if s == v {
			return s, nil
		}
	}
	return "", bad(name, "screen.bad.choice", f.label(name), s)
}

func (f fields) yes(name string) bool {
	switch f.values.Get(name) {
	case "", "0", "false", "no", "off":
		return false
	}
	return true
}

// when is a time: RFC 3339, or local to the store as a datetime-local field
// sends it. Zero if the field is not there.
func (f fields) when(name string) (time.Time, error) {
	s, err := f.text(name, maxWord)
	if err != nil || s == "" {
		return time.Time{}, err
	}
	for _, form := range []string{localTime, "2006-01-02T15:04:05"} {
		if t, err := time.ParseInLocation(form, s, f.zone); err == nil {
			return t, nil
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, bad(name, "screen.bad.time", f.label(name), s)
	}
	return t.In(f.zone), nil
}

// items are lines of the service menu by their codes; payer.CODE, category.CODE
// and minutes.CODE override what the menu says.
func (f fields) items() ([]kiosk.Item, error) {
	codes := f.values["item"]
	if len(codes) == 0 {
		return nil, bad("item", "screen.bad.noitems")
	}
	if len(codes) > maxItems {
		return nil, bad("item", "screen.bad.long", f.label("item"), strconv.Itoa(maxItems))
	}
	items := make([]kiosk.Item, 0, len(codes))
	for _, code := range codes {
		it, err := f.item(code)
		if err != nil {
			return nil, err
		}
		items = append(items, it)
	}
	return items, nil
}

func (f fields) item(code string) (kiosk.Item, error) {
	for _, m := range f.setup.Menu {
		if m.Code != code {
			continue
		}
		it := kiosk.Item{Code: m.Code, Text: m.Text, Category: m.Category, Payer: m.Payer, StandardMinutes: m.Minutes}
		var categories []string
		for _, c := range kiosk.Categories() {
			categories = append(categories, string(c))
		}
		if f.values.Get("category."+code) != "" {
			c, err := f.one("category."+code, categories)
			if err != nil {
				return it, err
			}
			it.Category = kiosk.Category(c)
		}
		if f.values.Get("payer."+code) != "" {
			p, err := f.one("payer."+code, kiosk.Payers())
			if err != nil {
				return it, err
			}
			it.Payer = p
		}
		if s := f.values.Get("minutes." + code); s != "" {
			n, err := strconv.Atoi(s)
			if err != nil || n < 0 || n > 10_000 {
				return it, bad("minutes."+code, "screen.bad.minutes", clip(s, 20))
			}
			it.StandardMinutes = n
		}
		return it, nil
	}
	return kiosk.Item{}, bad("item", "screen.bad.item", clip(code, 40))
}

// label is a field's name as the reader knows it; both languages in one, since
// it stands inside a message whose language is chosen later.
func (f fields) label(name string) string {
	base, _, _ := strings.Cut(name, ".")
	key := words.Key("field." + base)
	if zh := words.Text(words.ZH, key); zh != string(key) {
		return zh + " " + words.Text(words.EN, key)
	}
	return clip(name, 40)
}

// visit is the id of a visit: ten characters of a code.
func (f fields) visit() (string, error) {
	s, err := f.need("visit", maxWord)
	if err != nil {
		return "", err
	}
	if _, err := kiosk.ParseCode(kiosk.MakeCode(kiosk.KindVisit, strings.ToUpper(s))); err != nil {
		return "", bad("visit", "screen.bad.choice", f.label("visit"), s)
	}
	return strings.ToUpper(s), nil
}

// number is a small whole number, 0 if the field is not there.
func (f fields) number(name string) (int, error) {
	s := strings.TrimSpace(f.values.Get(name))
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 999 {
		return 0, bad(name, "screen.bad.choice", f.label(name), clip(s, 20))
	}
	return n, nil
}
