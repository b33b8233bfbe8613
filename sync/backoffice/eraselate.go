package backoffice

import (
	"context"

	"baylight/kiosk"
)

// eraseLate looks at what was just committed: an erasure covers also what comes
// after it, from a board that was cut off. What cannot be removed now is an
// alarm, and gone through at the next start.
func (o *Office) eraseLate(ctx context.Context, b Batch) {
	o.ageLate(b)
	for name, r := range o.rooms {
		x := r.erasing.fresh()
		if x == nil {
			continue
		}
		positions, err := o.late(ctx, r, x, b)
		if err == nil && len(positions) > 0 {
			_, err = o.cfg.Ledger.Erase(ctx, name, positions)
		}
		if err != nil && ctx.Err() == nil {
			o.alarm("person parts that were to be erased may still be there until the next start: " + err.Error())
			err = o.cfg.Ledger.Mark(ctx, erasedMark(name), 0)
		}
		if err != nil {
			o.log.Error("erase what came late", "store", name, "err", err)
		}
	}
}

// late are the positions of what a batch brought and the list covers.
func (o *Office) late(ctx context.Context, r *room, x *kiosk.Eraser, b Batch) (positions []uint64, err error) {
	here := map[string]*kiosk.Event{}
	for i := range b.Entries {
		if in := &b.Entries[i]; in.Store == r.Name && in.Event.Data.Common().PersonDigest != "" {
			here[in.Event.ID()] = &in.Event
		}
	}
	parts := map[string][]byte{}
	for _, p := range b.Persons {
		if p.Store != r.Name {
			continue
		}
		id := kiosk.EventID(p.Epoch, p.Seq)
		parts[id] = p.Bytes
		if here[id] != nil {
			continue
		}
		row, there, err := o.cfg.Ledger.Event(ctx, r.Name, id)
		if err != nil {
			return nil, err
		}
		if e, bad := kiosk.Decode(row.Bytes); there && bad == nil {
			here[id] = &e
		}
	}
	visits := map[string]bool{}
	for id, e := range here {
		visit, err := o.visitOf(ctx, r, *e)
		if err != nil {
			return nil, err
		}
		x.See(e, visit, parts[id])
		if visit != "" {
			visits[visit] = true
		} else if x.Covers("", id) {
			row, there, err := o.cfg.Ledger.Event(ctx, r.Name, id)
			if err != nil {
				return nil, err
			}
			if there && row.Person == "present" {
				positions = append(positions, row.Position)
			}
		}
	}
	for visit := range visits { // what names the vehicle may have come long before
		more, err := o.wholly(ctx, r, x.Fresh(), visit)
		if err != nil {
			return nil, err
		}
		positions = append(positions, more...)
	}
	return positions, nil
}

// wholly are the positions of a visit's parts if all that is known of it is covered.
func (o *Office) wholly(ctx context.Context, r *room, x *kiosk.Eraser, visit string) (positions []uint64, err error) {
	rows, err := o.cfg.Ledger.Visit(ctx, r.Name, visit)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if _, _, _, err := o.see(ctx, r, x, row); err != nil {
			return nil, err
		}
		if row.Person == "present" {
			positions = append(positions, row.Position)
		}
	}
	if !x.Covers(visit, "") {
		return nil, nil
	}
	return positions, nil
}
