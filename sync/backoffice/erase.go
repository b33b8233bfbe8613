package backoffice

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/vin"
	"baylight/sync/wire"
)

// Erasures keeps requests to be forgotten outside the ledger and its backups:
// restoring one must not bring back whom somebody asked to forget.
type Erasures interface {
	// List gives those of a store, the oldest first.
	List(store string) ([]kiosk.Erasure, error)
	// Add makes one durable; one that is there already is not added again.
	Add(store string, e kiosk.Erasure) error
	// Ageing is how far parts of a store were removed by their age; the zero one if
	// none were. SetAgeing makes it durable.
	Ageing(store string) (kiosk.Ageing, error)
	SetAgeing(store string, a kiosk.Ageing) error
}

// Erased is what became of a request.
type Erased struct {
	kiosk.Erasure
	Parts    int // person parts that were in the ledger and are not any more
	Bookings int // that were taken out
}

// ErrBadVIN is returned for what is no VIN; the text is not in it, for errors are logged.
var ErrBadVIN = errors.New("that is no VIN: 17 letters and digits without I, O and Q")

// erasing is what the office knows of the erasures of one store.
type erasing struct {
	one  sync.Mutex    // one erasure, or one look through the ledger, at a time
	told chan struct{} // capacity 1: the boards have to be told

	mu     sync.Mutex
	list   []kiosk.Erasure
	eraser *kiosk.Eraser // of the list, nil while it is empty
	ageing ageing
}

func (x *erasing) add(key []byte, es ...kiosk.Erasure) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range es {
		if i := slices.IndexFunc(x.list, e.Same); i >= 0 {
			x.list[i] = e // the same with more in it
		} else {
			x.list = append(x.list, e)
		}
	}
	slices.SortStableFunc(x.list, func(a, b kiosk.Erasure) int { return a.At.Compare(b.At) })
	if len(x.list) > 0 {
		x.eraser = kiosk.NewEraser(key, x.list)
	}
	poke(x.told)
}

func (x *erasing) all() []kiosk.Erasure {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// fresh is an eraser of the list that has seen nothing, nil if the list is empty.
func (x *erasing) fresh() *kiosk.Eraser {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.eraser == nil {
		return nil
	}
	return x.eraser.Fresh()
}

// The ledger's marks: how many erasures it has recorded, where each is, and which
// list it has been through. A backup rolls them back with the parts.
func erasedMark(store string) string            { return "erased/" + store }
func erasuresMark(store string) string          { return "erasures/" + store }
func erasureMark(store string, n uint64) string { return fmt.Sprintf("erasure/%s/%d", store, n) }

// digest stands for a list in a mark.
func digest(list []kiosk.Erasure) uint64 {
	if len(list) == 0 {
		return 0
	}
	h := sha256.New()
	for _, e := range list {
		fmt.Fprintf(h, "%s %d %d %d\n", e.Vehicle, e.At.UnixNano(), len(e.Visits), len(e.Plates))
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) >> 1
}

// forever is later than every event.
var forever = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// Erase forgets who came with a vehicle: the person parts of its visits, and of
// those of its plates that have no VIN, are removed from the ledger, and every
// board is told to do so (kiosk.Eraser says what is covered). Nothing else
// changes: events, receipts and figures stay as they are. The request itself is
// recorded, as person.erased, and kept outside the ledger, so that no backup
// brings anybody back. Of a vehicle that nobody has seen it is kept as well: its
// events may be on a board that is cut off. After an error it is asked again.
func (o *Office) Erase(ctx context.Context, store, text, by string) (Erased, error) {
	r, err := o.room(store)
	if err != nil {
		return Erased{}, fmt.Errorf("erase: %w", err)
	}
	v, _, err := vin.Parse(text)
	switch {
	case err != nil:
		return Erased{}, fmt.Errorf("erase: %w", ErrBadVIN)
	case o.cfg.Erasures == nil || len(r.Key) == 0:
		return Erased{}, errors.New("erase: this office keeps no erasures: it has no folder for them, or no key of the store")
	}
	r.erasing.one.Lock()
	defer r.erasing.one.Unlock()
	e := kiosk.Erasure{Vehicle: kiosk.Keyed(r.Key, string(v)), At: o.cfg.Now().UTC().Truncate(time.Second), By: by}
	if err := o.cfg.Erasures.Add(store, e); err != nil { // before anything else: from here on it is never forgotten
		return Erased{}, fmt.Errorf("erase: %w", err)
	}
	r.erasing.add(r.Key, e) // what comes in from here on is looked at
	out, err := o.erase(ctx, r, e)
	if err != nil {
		return out, fmt.Errorf("erase: %w", err)
	}
	o.log.Info("person parts erased", "store", store, "visits", len(out.Visits), "parts", out.Parts, "by", by)
	return out, nil
}

// erase finds what a request covers, records it and removes it.
func (o *Office) erase(ctx context.Context, r *room, e kiosk.Erasure) (Erased, error) {
	// What the ledger has now is covered whatever its clock said.
	now := e
	now.At = forever
	first, err := o.covered(ctx, r, []kiosk.Erasure{now})
	if err != nil {
		return Erased{}, err
	}
	if now.Plates, err = o.plates(ctx, r, first.visits); err != nil {
		return Erased{}, err
	}
	found := first
	if len(now.Plates) > 0 {
		if found, err = o.covered(ctx, r, []kiosk.Erasure{now}); err != nil {
			return Erased{}, err
		}
	}
	e.Plates, e.Visits = now.Plates, found.visits[:min(len(found.visits), wire.MaxErased)]
	if err := o.cfg.Erasures.Add(r.Name, e); err != nil {
		return Erased{}, err
	}
	r.erasing.add(r.Key, e)
	if err := o.recordErasure(ctx, r, e); err != nil {
		return Erased{}, err
	}
	out := Erased{Erasure: e}
	if out.Bookings, err = o.forgetBookings(ctx, r, []kiosk.Erasure{e}); err != nil {
		return out, err
	}
	if out.Parts, err = o.cfg.Ledger.Erase(ctx, r.Name, found.positions); err != nil {
		return out, err
	}
	return out, o.cfg.Ledger.Mark(ctx, erasedMark(r.Name), digest(r.erasing.all()))
}

// found is what a list covers in the ledger.
type found struct {
	visits    []string
	positions []uint64 // of the events whose parts are there
}

// pageRows are read at a time.
const pageRows = 1000

// covered looks through the whole ledger of a store.
func (o *Office) covered(ctx context.Context, r *room, list []kiosk.Erasure) (f found, err error) {
	x := kiosk.NewEraser(r.Key, list)
	for after := uint64(0); ; {
		rows, err := o.cfg.Ledger.Events(ctx, r.Name, after, pageRows)
		if err != nil {
			return f, err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			after = row.Position
			e, visit, ok, err := o.see(ctx, r, x, row)
			if err != nil {
				return f, err
			}
			if ok && visit == "" && row.Person == "present" && x.Covers("", e.ID()) {
				f.positions = append(f.positions, row.Position)
			}
		}
	}
	f.visits = x.Visits()
	for _, v := range f.visits {
		rows, err := o.cfg.Ledger.Visit(ctx, r.Name, v)
		if err != nil {
			return f, err
		}
		for _, row := range rows {
			if row.Person == "present" {
				f.positions = append(f.positions, row.Position)
			}
		}
	}
	return f, nil
}

// see shows an eraser a row; ok is false if it never had a person part.
func (o *Office) see(ctx context.Context, r *room, x *kiosk.Eraser, row Row) (e kiosk.Event, visit string, ok bool, err error) {
	if row.Person == "none" {
		return e, "", false, nil
	}
	e, err = kiosk.Decode(row.Bytes)
	if err != nil { // what is malformed has no part
		return e, "", false, nil
	}
	if visit, err = o.visitOf(ctx, r, e); err != nil {
		return e, "", false, err
	}
	var part []byte
	if row.Person == "present" {
		if part, err = o.cfg.Ledger.Person(ctx, r.Name, row.Position); err != nil {
			return e, "", false, err
		}
	}
	e.When = row.When
	x.See(&e, visit, part)
	return e, visit, true, nil
}

// visitOf is the visit of an event; of a correction that of the event it corrects.
func (o *Office) visitOf(ctx context.Context, r *room, e kiosk.Event) (string, error) {
	id := kiosk.Corrects(e.Data)
	if id == "" {
		return kiosk.VisitOf(e.Data), nil
	}
	row, there, err := o.cfg.Ledger.Event(ctx, r.Name, id)
	if err != nil || !there {
		return "", err
	}
	target, err := kiosk.Decode(row.Bytes)
	if err != nil {
		return "", nil
	}
	return kiosk.VisitOf(target.Data), nil
}

// plates are the keyed hashes of the plates in the person parts of visits.
func (o *Office) plates(ctx context.Context, r *room, visits []string) (out []string, err error) {
	for _, v := range visits {
		rows, err := o.cfg.Ledger.Visit(ctx, r.Name, v)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Person != "present" {
				continue
			}
			part, err := o.cfg.Ledger.Person(ctx, r.Name, row.Position)
			if err != nil {
				return nil, err
			}
			if p, err := kiosk.DecodePerson(part); err == nil {
				if h := kiosk.HashedPlate(r.Key, p); h != "" {
					out = append(out, h)
				}
			}
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return out[:min(len(out), wire.MaxErased)], nil
}

// recordErasure records a request and notes where.
func (o *Office) recordErasure(ctx context.Context, r *room, e kiosk.Erasure) error {
	at := e.At
	event, err := o.Record(ctx, r.Name, &kiosk.PersonErased{Vehicle: e.Vehicle, Visits: append([]string{}, e.Visits...), Plates: e.Plates, Meta: kiosk.Meta{By: e.By, At: &at}})
	if err != nil {
		return err
	}
	row, there, err := o.cfg.Ledger.Event(ctx, r.Name, event.ID())
	if err == nil && !there {
		err = fmt.Errorf("event %s was recorded and is not there", event.ID())
	}
	if err != nil {
		return err
	}
	n, err := o.cfg.Ledger.Marked(ctx, erasuresMark(r.Name))
	if err == nil {
		err = o.cfg.Ledger.Mark(ctx, erasureMark(r.Name, n+1), row.Position)
	}
	if err == nil {
		err = o.cfg.Ledger.Mark(ctx, erasuresMark(r.Name), n+1)
	}
	return err
}

// recorded are the erasures that the ledger knows of.
func (o *Office) recorded(ctx context.Context, r *room) (out []kiosk.Erasure, err error) {
	n, err := o.cfg.Ledger.Marked(ctx, erasuresMark(r.Name))
	for i := uint64(1); i <= n && err == nil; i++ {
		var at uint64
		var rows []Row
		if at, err = o.cfg.Ledger.Marked(ctx, erasureMark(r.Name, i)); err != nil || at == 0 {
			continue
		}
		if rows, err = o.cfg.Ledger.Events(ctx, r.Name, at-1, 1); err != nil || len(rows) == 0 || rows[0].Position != at {
			continue
		}
		e, bad := kiosk.Decode(rows[0].Bytes)
		if d, ok := e.Data.(*kiosk.PersonErased); bad == nil && ok {
			out = append(out, kiosk.Erasure{Vehicle: d.Vehicle, Visits: d.Visits, Plates: d.Plates, At: e.Time().UTC(), By: d.By})
		}
	}
	return out, err
}

// SettleErasures brings list and ledger together, before anything is served:
// what the list outside knows and the ledger does not (a backup was restored) is
// recorded again, what only the ledger knows is added to the list, and a ledger
// that has not been through the list is gone through. And it is brought to the age
// that it had ([kiosk.Ageing]). Call it before Run. An
// office that shares its ledger does it again for each store that it gets.
func (o *Office) SettleErasures(ctx context.Context) error {
	for _, r := range o.rooms {
		if err := o.settle(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// settle is SettleErasures of one store.
func (o *Office) settle(ctx context.Context, r *room) error {
	if err := o.settleErasures(ctx, r); err != nil {
		return fmt.Errorf("apply the erasures of store %s: %w", r.Name, err)
	}
	if err := o.settleAge(ctx, r); err != nil {
		return fmt.Errorf("remove old person parts of store %s: %w", r.Name, err)
	}
	return nil
}

func (o *Office) settleErasures(ctx context.Context, r *room) error {
	if o.cfg.Erasures == nil || len(r.Key) == 0 {
		return nil
	}
	r.erasing.one.Lock()
	defer r.erasing.one.Unlock()
	kept, err := o.cfg.Erasures.List(r.Name)
	if err != nil {
		return err
	}
	recorded, err := o.recorded(ctx, r)
	if err != nil {
		return err
	}
	for _, e := range recorded {
		if err := o.cfg.Erasures.Add(r.Name, e); err != nil {
			return err
		}
	}
	r.erasing.add(r.Key, kept...)
	r.erasing.add(r.Key, recorded...)
	list := r.erasing.all()
	if o.cfg.Leased && r.term.Load() == 0 {
		recorded = list // whoever has the store records
	}
	for _, e := range list {
		if !slices.ContainsFunc(recorded, e.Same) {
			if err := o.recordErasure(ctx, r, e); err != nil {
				return err
			}
		}
	}
	done, err := o.cfg.Ledger.Marked(ctx, erasedMark(r.Name))
	if err != nil || done == digest(list) {
		return err
	}
	f, err := o.covered(ctx, r, list)
	if err != nil {
		return err
	}
	if !o.cfg.Leased || r.term.Load() > 0 { // only whoever has the store may keep papers
		if _, err := o.forgetBookings(ctx, r, list); err != nil {
			return err
		}
	}
	n, err := o.cfg.Ledger.Erase(ctx, r.Name, f.positions)
	if err != nil {
		return err
	}
	o.log.Info("erasures applied to the ledger", "store", r.Name, "requests", len(list), "parts", n)
	return o.cfg.Ledger.Mark(ctx, erasedMark(r.Name), digest(list))
}

// Erasures are the requests of a store, the oldest first.
func (o *Office) Erasures(store string) ([]kiosk.Erasure, error) {
	r, err := o.room(store)
	if err != nil {
		return nil, err
	}
	return r.erasing.all(), nil
}

// tellErasures keeps the list retained for the boards until the connection fails
// or ctx ends. A store without erasures says nothing.
func (o *Office) tellErasures(ctx context.Context, r *room) {
	poke(r.erasing.told)
	for {
		select {
		case <-r.erasing.told:
		case <-ctx.Done():
			return
		}
		list := r.erasing.all()
		if len(list) == 0 {
			continue
		}
		for i := range list {
			list[i].By = "" // who asked is the office's business
		}
		payload, err := wire.Erasures{Erasures: list}.Encode()
		if err != nil {
			o.alarm("boards cannot be told what to erase: " + err.Error())
			continue
		}
		topics, err := wire.NewStore(r.Name)
		if err = cmp.Or(err, r.line.Publish(ctx, topics.Erasures(), true, payload)); err != nil {
			return // the next connection begins anew
		}
	}
}
