package station

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
)

// Paper is a cursor over the journal, never a second queue. Three marks are kept
// durably:
//
//	paper        everything up to this event is done; kept up lazily
//	paper_begun  the last event whose documents were begun: those before it are done
//	paper_part   which of its documents is with the printer, from 1; 0: none
//
// A document's outcome is an event. A document that was with the printer and has
// no outcome when the kiosk starts may have been printed or not: it is recorded
// as unknown and not printed again, since a second ticket is worse than a
// reprint somebody asks for. The marks move before the bytes do, and no document
// is begun before the outcome of the last one is durable.
const (
	paperDone  = "paper"
	paperBegun = "paper_begun"
	paperPart  = "paper_part"
)

// lag is how many events without paper the cursor may stay behind: reading them
// again costs less than a commit for each.
const lag = 1000

// How long the paper waits before it tries again: real time, since neither a
// printer nor a disk lives in shop time. A printer that comes back is tried at once.
const (
	retryMin = 2 * time.Second
	retryMax = 30 * time.Second
)

// outcome is what became of a document, as sequences of events; 0 means never.
type outcome struct {
	last uint64 // anything
	left uint64 // it was sent or confirmed
}

// notePaper keeps an outcome while a document it may belong to is not yet done.
func (s *Station) notePaper(e *kiosk.Event, document string, left bool) {
	if e.Epoch != s.cfg.Journal.Epoch() || e.Seq <= s.settled {
		return
	}
	o := s.outcomes[document]
	o.last = e.Seq
	if left {
		o.left = e.Seq
	}
	s.outcomes[document] = o
}

// job is one event's documents.
type job struct {
	event kiosk.Event
	docs  []ticket.Document
}

// press prints what events ask for, in their order.
type press struct {
	s           *Station
	done, saved uint64 // paperDone, as it is and as it is on disk
	begun, part uint64
	owedOf      string // the epoch before this one, if it ended while the station ran
	owed        uint64 // its last event whose paper was done
}

func (s *Station) newPress() (*press, error) {
	p := &press{s: s}
	for name, v := range map[string]*uint64{paperDone: &p.saved, paperBegun: &p.begun, paperPart: &p.part} {
		var err error
		if *v, err = s.cfg.Journal.Cursor(name); err != nil {
			return nil, fmt.Errorf("read paper cursor: %w", err)
		}
	}
	p.done = p.saved
	if p.begun > 0 {
		p.done = max(p.done, p.begun-1)
	}
	return p, nil
}

// run prints until ctx ends. Whatever fails is tried again: no printer and no
// disk stops the kiosk from here.
func (p *press) run(ctx context.Context) {
	for {
		jobs, head, err := p.jobs(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			p.s.log.Error("paper cannot read the journal", "error", err)
			p.pause(ctx, retryMin)
			continue
		}
		for _, j := range jobs {
			if !p.print(ctx, j) {
				return
			}
		}
		p.done = head
		if (len(jobs) > 0 || p.done > p.saved+lag) && !p.save(ctx) {
			return
		}
		p.s.read.Store(p.done)
		select {
		case <-ctx.Done():
			return
		case <-p.s.wake:
		}
	}
}

// jobs reads what the events after the cursor ask for on paper, and how far it
// read. If none of them asks for any, none is read.
func (p *press) jobs(ctx context.Context) (jobs []job, head uint64, err error) {
	// The head first: whatever asks for paper was noted before the head moved past it.
	if head = p.s.head.Load(); p.s.asks.Load() <= p.done {
		return nil, max(p.done, head), nil
	}
	head = p.done
	epoch := p.s.cfg.Journal.Epoch()
	err = p.s.cfg.Journal.Replay(p.done, func(e kiosk.Event) error {
		if e.Epoch != epoch {
			return nil
		}
		head = e.Seq
		visit := kiosk.VisitOf(e.Data)
		first, asks := p.asking(e)
		if visit == "" || !asks || !ticket.Asks(e.Data) {
			return nil
		}
		var docs []ticket.Document
		err := p.s.View(ctx, func(st *floor.State, _ kiosk.Moment) {
			if v, ok := st.Visit(visit); ok {
				docs = ticket.For(first, p.s.paperView(st, v))
			}
		})
		if len(docs) > 0 {
			jobs = append(jobs, job{e, docs})
		}
		return err
	})
	return jobs, head, err
}

func (s *Station) paperView(st *floor.State, v *kiosk.Visit) ticket.View {
	return ticket.View{Visit: v, Events: st.Events(v.ID), Plate: st.Plate(v.ID), Store: s.cfg.Title,
		Board: s.cfg.Floor.Board, Zone: s.cfg.Floor.Calendar.Zone, Key: s.cfg.Floor.Key, KeyID: s.cfg.KeyID}
}

// save moves the cursor and forgets the outcomes before it. It returns false if
// ctx ended before that.
func (p *press) save(ctx context.Context) bool {
	if !p.mark(ctx, paperDone, &p.saved, p.done) {
		return false
	}
	return p.s.View(ctx, func(*floor.State, kiosk.Moment) {
		p.s.settled = p.done
		maps.DeleteFunc(p.s.outcomes, func(_ string, o outcome) bool { return o.last <= p.done })
	}) == nil
}

// print prints the documents of one event. It returns false if it could not get
// through before ctx ended.
func (p *press) print(ctx context.Context, j job) bool {
	seq := j.event.Seq
	if p.s.cfg.Printer == nil {
		return true
	}
	resumed, doubt := seq == p.begun, p.part
	for i, d := range j.docs {
		part := uint64(i) + 1
		o, err := p.outcome(ctx, d)
		if err != nil {
			return false
		}
		ok := true
		switch {
		case resumed && o.last > seq: // what became of it was recorded
		case !resumed && o.left > seq: // it left the printer after this was asked for
		case resumed && part == doubt:
			ok = p.record(ctx, d, o, floor.PrintUnknown, "the kiosk stopped while it was printing")
		default:
			ok = p.try(ctx, seq, part, d, o)
		}
		if !ok {
			return false
		}
	}
	return true
}

func (p *press) outcome(ctx context.Context, d ticket.Document) (o outcome, err error) {
	err = p.s.View(ctx, func(*floor.State, kiosk.Moment) { o = p.s.outcomes[d.ID] })
	return o, err
}

// try prints a document as soon as the printer takes it.
func (p *press) try(ctx context.Context, seq, part uint64, d ticket.Document, before outcome) bool {
	for wait := retryMin; ; wait = min(2*wait, retryMax) {
		// The part first: until the event moves, it is one that has its outcome.
		if ctx.Err() != nil || !p.mark(ctx, paperPart, &p.part, part) || !p.mark(ctx, paperBegun, &p.begun, seq) {
			return false
		}
		out, err := p.s.cfg.Printer.Print(ctx, d)
		if err == nil {
			return p.record(ctx, d, before, out, "")
		}
		if !p.mark(ctx, paperPart, &p.part, 0) {
			return false
		}
		p.s.log.Warn("document waits for the printer", "document", d.ID, "error", err)
		p.pause(ctx, wait)
	}
}

// record records what became of a document, as often as it takes. before is
// what was recorded of it before: a commit that failed may have persisted.
func (p *press) record(ctx context.Context, d ticket.Document, before outcome, out floor.PrintOutcome, why string) bool {
	in := floor.Printed{Document: d.ID, Visit: d.Visit, Printer: p.s.cfg.Name, Outcome: out, Reason: why}
	for {
		// The loop outlives this goroutine, or says that it has stopped.
		_, err := p.s.Do(context.WithoutCancel(ctx), in)
		if err == nil {
			return true
		}
		if errors.Is(err, ErrStopped) || ctx.Err() != nil {
			return false
		}
		p.s.log.Error("what became of a document was not recorded", "document", d.ID, "error", err)
		p.pause(ctx, retryMin)
		if o, err := p.outcome(ctx, d); err != nil || o.last > before.last {
			return err == nil
		}
	}
}

// mark sets a cursor, at least once and until it is set. It returns false if ctx
// ended before that.
func (p *press) mark(ctx context.Context, name string, is *uint64, v uint64) bool {
	for *is != v {
		err := p.s.cfg.Journal.SetCursor(name, v)
		if err == nil {
			*is = v
			break
		}
		p.s.log.Error("paper mark was not set", "mark", name, "error", err)
		if ctx.Err() != nil {
			return false
		}
		p.pause(ctx, retryMin)
	}
	return true
}

// pause waits for a while, for the printer to come back, or for the end.
func (p *press) pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.s.back:
	case <-ctx.Done():
	}
}
