package kiosk

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Event is something that happened. It is never changed or deleted.
type Event struct {
	Source  string // "/stores/{store}/kiosks/{kiosk}" or "/stores/{store}/backoffice"
	Epoch   string // uuid; new when a journal is created, restored or found rolled back
	Seq     uint64 // contiguous from 1 within the epoch
	Moment  Moment // when it happened as well as the board knew
	Data    Payload
	Person  []byte // bytes of the person part, nil if there is none (or it was erased)
	Prev    Hash   // hash of the previous event's bytes; zero at Seq 1
	Was     string // id of the event this one re-records after a rollback
	WasHash string // its hash in hex

	// When is the corrected time and Uncertain says that it could not be
	// corrected; then it happened not before Earliest and not after Latest, zero
	// if unknown. All are derived by Correct and are not in the bytes.
	When             time.Time
	Uncertain        bool
	Earliest, Latest time.Time
}

// Hash is the SHA-256 of an event's bytes.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// ParseHash reads 64 hex digits.
func ParseHash(s string) (h Hash, err error) {
	if h.read(s) {
		return h, nil
	}
	return Hash{}, fmt.Errorf("read hash: %q is not 64 hex digits", clip(s, 80))
}

// HashOf is the hash of an event's bytes.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// Schema is where the JSON Schema of a type is named; the wire package holds it.
func Schema(t Type) string { return schemaBefore + string(t) + schemaAfter }

const schemaBefore, schemaAfter = "urn:baylight:schema:", ".v1"

// KioskSource is the source of a board's events.
func KioskSource(store, board string) string { return "/stores/" + store + "/kiosks/" + board }

// OfficeSource is the source of events recorded at the back office.
func OfficeSource(store string) string { return "/stores/" + store + "/backoffice" }

// EventID is an event's id: "<epoch>-<sequence>".
func EventID(epoch string, seq uint64) string {
	b := make([]byte, 0, 64) // an epoch is a uuid
	b = append(append(b, epoch...), '-')
	return string(strconv.AppendUint(b, seq, 10))
}

// ParseEventID takes an id apart.
func ParseEventID(id string) (epoch string, seq uint64, err error) {
	if epoch, digits, ok := cutLast(id); ok && epoch != "" {
		if seq, err = strconv.ParseUint(digits, 10, 64); err == nil && seq > 0 {
			return epoch, seq, nil
		}
	}
	return "", 0, fmt.Errorf("read event id: %q is not <epoch>-<sequence>", clip(id, 80))
}

func cutLast(id string) (epoch, seq string, ok bool) {
	i := strings.LastIndexByte(id, '-')
	if i < 0 {
		return "", "", false
	}
	return id[:i], id[i+1:], true
}

// ID is the event's id.
func (e Event) ID() string { return EventID(e.Epoch, e.Seq) }

// Type is the type of the event's data.
func (e Event) Type() Type { return e.Data.Type() }

// Time is the time that counts: stated by a person, else corrected, else as recorded.
func (e Event) Time() time.Time {
	return e.time()
}

// time is Time of an event that is not copied.
func (e *Event) time() time.Time {
	if at := e.Data.Common().At; at != nil {
		return *at
	}
	if !e.When.IsZero() {
		return e.When
	}
	return e.Moment.Wall
}

// Recorded is when the event was recorded: corrected if Correct was asked, else
// by the wall clock of the moment. A stated time does not change it.
func (e Event) Recorded() time.Time {
	if !e.When.IsZero() {
		return e.When
	}
	return e.Moment.Wall
}

// VisitOf is the visit an event belongs to, "" if none.
func VisitOf(p Payload) string {
	switch d := p.(type) {
	case *CheckedIn:
		return d.Visit
	case *Identified:
		return d.Visit
	case *Accepted:
		return d.Visit
	case *Signed:
		return d.Visit
	case *ItemsAdded:
		return d.Visit
	case *OrderCancelled:
		return d.Visit
	case *PromiseRevised:
		return d.Visit
	case *Closed:
		return d.Visit
	case *Called:
		return d.Visit
	case *PickupRequested:
		return d.Visit
	case *Delivered:
		return d.Visit
	case *ReworkConfirmed:
		return d.Visit
	case *ProposalDeclined:
		return d.Visit
	case *CardScanned:
		return d.Visit
	case *Started:
		return d.Visit
	case *Resumed:
		return d.Visit
	case *Paused:
		return d.Visit
	case *Finished:
		return d.Visit
	case *Passed:
		return d.Visit
	case *Failed:
		return d.Visit
	case *VehicleWashed:
		return d.Visit
	case *TicketSent:
		return d.Visit
	case *TicketConfirmed:
		return d.Visit
	case *TicketUnknown:
		return d.Visit
	case *TicketReprinted:
		return d.Visit
	}
	return ""
}

// FoldOf names what an event is folded with: its visit, or for a technician's
// presence, which belongs to none, that technician's presences of a month (UTC);
// "" if neither.
func FoldOf(p Payload) string {
	if d, ok := p.(*AttendanceRecorded); ok {
		return "attendance/" + d.Technician + "/" + d.From.UTC().Format("2006-01")
	}
	return VisitOf(p)
}

// Corrects is the id of the event that p voids or amends, "" if it does neither.
func Corrects(p Payload) string {
	switch d := p.(type) {
	case *Voided:
		return d.Event
	case *Amended:
		return d.Event
	}
	return ""
}

// Pinned is the hash of the event that p voids or amends, as p carries it: "" if
// p does neither or does not carry it.
func Pinned(p Payload) string {
	switch d := p.(type) {
	case *Voided:
		return d.EventHash
	case *Amended:
		return d.EventHash
	}
	return ""
}

// Pin writes into what voids or amends an event the hash of that event's bytes.
// After a rollback several events may have had one id: with the hash a correction
// means one of them and no other. Whoever records a correction pins it; older
// ones carry none.
func Pin(p Payload, hash Hash) {
	switch d := p.(type) {
	case *Voided:
		d.EventHash = hash.String()
	case *Amended:
		d.EventHash = hash.String()
	}
}

// envelope is an event on the wire: CloudEvents 1.0, JSON, structured.
type envelope struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            string          `json:"time"`
	DataContentType string          `json:"datacontenttype"`
	DataSchema      string          `json:"dataschema"`
	Sequence        string          `json:"sequence"`
	Epoch           string          `json:"epoch"`
	BootID          string          `json:"bootid"`
	UptimeMS        string          `json:"uptimems"`
	Clock           Quality         `json:"clock"`
	Prev            string          `json:"prev"`
	Was             string          `json:"was,omitempty"`
	WasHash         string          `json:"washash,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// stamp is RFC 3339 with milliseconds and the store's offset.
const stamp = "2006-01-02T15:04:05.000Z07:00"

// appendStamp is t.AppendFormat(p, stamp), in half the time: package time is quick
// with RFC 3339 itself, into which the milliseconds are put.
func appendStamp(p []byte, t time.Time) []byte {
	if y := t.Year(); y < 0 || y > 9999 { // more or less than 19 characters
		return t.AppendFormat(p, stamp)
	}
	ms := t.Nanosecond() / 1e6
	fraction := [...]byte{'.', '0' + byte(ms/100), '0' + byte(ms/10%10), '0' + byte(ms%10)}
	seconds := len(p) + len("2006-01-02T15:04:05")
	return slices.Insert(t.AppendFormat(p, time.RFC3339), seconds, fraction[:]...)
}

// Encode makes the bytes of an event. It is called once, when the event is
// appended; an event of an unknown type was made elsewhere and has its bytes.
func Encode(e Event) ([]byte, error) { return AppendEvent(make([]byte, 0, 1024), &e) }

// AppendEvent appends to p what Encode makes of e, so that the bytes of many
// events can share memory.
func AppendEvent(p []byte, e *Event) ([]byte, error) {
	if u, ok := e.Data.(*Unknown); ok {
		return nil, fmt.Errorf("encode %s: the type is unknown, its bytes stay as they came", clip(string(u.Of), 80))
	}
	b, err := appendData(appendEnvelope(p, e), e.Data)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Type(), err)
	}
	return append(b, '}'), nil
}

// appendEnvelope appends an event up to its data: what encoding/json makes of an
// envelope. Digits and the names of types are plain, everything else may need escapes.
func appendEnvelope(p []byte, e *Event) []byte {
	var room [20]byte
	seq, typ := strconv.AppendUint(room[:0], e.Seq, 10), e.Type()
	p = append(p, `{"specversion":"1.0","id":"`...)
	p = append(append(append(appendChars(p, e.Epoch), '-'), seq...), '"')
	p = appendMember(p, "source", e.Source)
	p = append(append(append(p, `,"type":"baylight.`...), typ...), `.v1"`...)
	if v := VisitOf(e.Data); v != "" {
		p = appendMember(p, "subject", "visit/", v)
	}
	p = append(appendStamp(append(p, `,"time":"`...), e.Moment.Wall), `","datacontenttype":"application/json"`...)
	p = append(append(append(p, `,"dataschema":"`+schemaBefore...), typ...), schemaAfter+`"`...)
	p = append(append(append(p, `,"sequence":"`...), "00000000000000000000"[len(seq):]...), seq...)
	p = appendMember(append(p, '"'), "epoch", e.Epoch)
	p = appendMember(p, "bootid", e.Moment.Boot)
	p = append(strconv.AppendInt(append(p, `,"uptimems":"`...), e.Moment.Up.Milliseconds(), 10), '"')
	p = appendMember(p, "clock", string(e.Moment.Clock))
	p = append(hex.AppendEncode(append(p, `,"prev":"`...), e.Prev[:]), '"')
	if e.Was != "" {
		p = appendMember(p, "was", e.Was)
	}
	if e.WasHash != "" {
		p = appendMember(p, "washash", e.WasHash)
	}
	return append(p, `,"data":`...)
}

// marshal is json.Marshal without HTML escaping: what people wrote stays readable on the wire.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes()[:b.Len()-1], nil // without the line's end
}

// Bounds on what Decode accepts.
const (
	MaxEventBytes = 64 << 10
	maxField      = 200
)

// Decode reads the bytes of an event. An event of an unknown type or a newer
// version decodes to Unknown data; anything that is not an event of the
// envelope is an error. The person part is not in the bytes.
func Decode(b []byte) (Event, error) {
	if len(b) > MaxEventBytes {
		return Event{}, fmt.Errorf("decode event: %d bytes, at most %d are allowed", len(b), MaxEventBytes)
	}
	var e Event
	err := DecodeString(string(b), &e)
	return e, err
}

// DecodeString is Decode of bytes that are a string into e, whatever that was:
// what is read shares their memory.
func DecodeString(s string, e *Event) (err error) {
	*e = Event{}
	if len(s) > MaxEventBytes {
		return fmt.Errorf("decode event: %d bytes, at most %d are allowed", len(s), MaxEventBytes)
	}
	if decodeOwn(s, e) {
		return nil
	}
	var env envelope
	if err := json.Unmarshal([]byte(s), &env); err != nil {
		*e = Event{}
		return fmt.Errorf("decode event: %w", err)
	}
	*e, err = env.event(understand)
	return err
}

// event makes the event of an envelope; understand reads its data.
func (env *envelope) event(understand func(Payload, []byte) error) (Event, error) {
	if env.SpecVersion != "1.0" {
		return Event{}, fmt.Errorf("decode event: specversion %q instead of \"1.0\"", clip(env.SpecVersion, 20))
	}
	e := Event{Source: env.Source, Epoch: env.Epoch, Was: env.Was, WasHash: env.WasHash}
	if err := env.identity(&e); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	var err error
	if e.Prev, err = ParseHash(env.Prev); err != nil {
		return Event{}, fmt.Errorf("decode event %s: prev: %w", env.ID, err)
	}
	if e.Moment, err = env.moment(); err != nil {
		return Event{}, fmt.Errorf("decode event %s: %w", env.ID, err)
	}
	if e.Data, err = env.payload(understand); err != nil {
		return Event{}, fmt.Errorf("decode event %s: %w", env.ID, err)
	}
	return e, nil
}

func (env *envelope) identity(e *Event) (err error) {
	if len(env.Sequence) != 20 {
		return fmt.Errorf("sequence %q is not 20 digits", clip(env.Sequence, 40))
	}
	if e.Seq, err = strconv.ParseUint(env.Sequence, 10, 63); err != nil || e.Seq == 0 {
		return fmt.Errorf("sequence %q is not a positive number", env.Sequence)
	}
	if env.Epoch == "" || len(env.Epoch) > maxField || len(env.Source) > maxField || !strings.HasPrefix(env.Source, "/stores/") {
		return fmt.Errorf("source %q or epoch %q is missing or malformed", clip(env.Source, 80), clip(env.Epoch, 80))
	}
	epoch, seq, ok := cutLast(env.ID)
	if !ok || epoch != env.Epoch || seq != strings.TrimLeft(env.Sequence, "0") {
		return fmt.Errorf("id %q does not match epoch and sequence (%s)", clip(env.ID, 80), e.ID())
	}
	return nil
}

func (env *envelope) moment() (Moment, error) {
	wall, err := time.Parse(time.RFC3339, env.Time)
	if err != nil {
		return Moment{}, fmt.Errorf("time %q is not RFC 3339", clip(env.Time, 60))
	}
	up, err := strconv.ParseInt(env.UptimeMS, 10, 52)
	if err != nil || up < 0 {
		return Moment{}, fmt.Errorf("uptimems %q is not a count of milliseconds", clip(env.UptimeMS, 40))
	}
	switch env.Clock {
	case Synced, Holdover, Unset:
	default:
		return Moment{}, fmt.Errorf("clock %q is not synced, holdover or unset", clip(string(env.Clock), 40))
	}
	if len(env.BootID) > maxField {
		return Moment{}, fmt.Errorf("bootid is %d characters long", len(env.BootID))
	}
	return Moment{Wall: wall, Boot: env.BootID, Up: time.Duration(up) * time.Millisecond, Clock: env.Clock}, nil
}

func (env *envelope) payload(understand func(Payload, []byte) error) (Payload, error) {
	t, known := strings.CutPrefix(env.Type, "baylight.")
	t, v1 := strings.CutSuffix(t, ".v1")
	if known && v1 {
		if p := NewPayload(Type(t)); p != nil {
			return p, understand(p, env.Data)
		}
	}
	if len(env.Type) > maxField || env.Type == "" {
		return nil, fmt.Errorf("type %q is missing or too long", clip(env.Type, 40))
	}
	return &Unknown{Of: Type(env.Type), Raw: env.Data}, nil
}

// understand reads the data of an event into an empty payload of its type.
func understand(p Payload, data []byte) error { return understandString(p, string(data)) }

func understandString(p Payload, data string) error {
	if readData(data, p) {
		return nil
	}
	reflect.ValueOf(p).Elem().SetZero() // half filled
	return understandAny(p, []byte(data))
}

// understandAny is understand for what was written in another way than ours.
func understandAny(p Payload, data []byte) error {
	if err := json.Unmarshal(data, p); err != nil {
		return fmt.Errorf("data of %s: %w", p.Type(), err)
	}
	return nil
}

// EncodeData makes the bytes of an event's data alone, of whatever type.
func EncodeData(p Payload) ([]byte, error) {
	if u, ok := p.(*Unknown); ok {
		return u.Raw, nil
	}
	return appendData(nil, p)
}

// DecodeData reads the data of an event of a type, as EncodeData made it. A type
// that is not known gives Unknown data.
func DecodeData(t Type, data []byte) (Payload, error) {
	p := NewPayload(t)
	if p == nil {
		return &Unknown{Of: t, Raw: data}, nil
	}
	if err := understand(p, data); err != nil {
		return nil, err
	}
	return p, nil
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n] + "…"
	}
	return s
}
