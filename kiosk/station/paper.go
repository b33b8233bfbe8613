package station

import (
	"context"
	"fmt"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/floor"
	"baylight/kiosk/ticket"
)

// Paper is a cursor over the journal, never a second queue. Two marks are kept
// durably: paperBegun is written before the documents of an event go to the
// printer, paperDone after. Between the two a power cut leaves it open whether
// a document was printed: then it is recorded as unknown and not printed again,
// since a second ticket is worse than a reprint somebody asks for.
const (
	paperBegun = "paper_begun"
	paperDone  = "paper"
)

// lag is how many events without paper the cursor may stay behind: reading them
// again costs less than a commit for each.
const lag = 1000

// retry is how long the paper waits after a printer refused a document.
const retry = 2 * time.Second

// job is one event's documents.
type job struct {
	event kiosk.Event
	docs  []ticket.Document
}

// paper prints what events ask for, in their order, for ever.
func (s *Station) paper(ctx context.Context) error {
	done, err := s.cfg.Journal.Cursor(paperDone)
	if err != nil {
		return fmt.Errorf("read paper cursor: %w", err)
	}
	begun, err := s.cfg.Journal.Cursor(paperBegun)
	if err != nil {
		return fmt.Errorf("read paper cursor: %w", err)
	}
	saved := done
	for {
		jobs, head, err := s.jobs(ctx, done)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := s.printAll(ctx, j, j.event.Seq <= begun); err != nil {
				return err
			}
		}
		done = head
		if len(jobs) > 0 || done > saved+lag {
			if err := s.cfg.Journal.SetCursor(paperDone, done); err != nil {
				s.log.Error("paper cursor was not moved", "error", err)
			}
			saved = done
		}
		s.read.Store(done)
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
	}
}

// jobs reads what the events after a sequence number ask for on paper.
func (s *Station) jobs(ctx context.Context, after uint64) (jobs []job, head uint64, err error) {
	head = after
	err = s.cfg.Journal.Replay(after, func(e kiosk.Event) error {
		head = e.Seq
		if s.cfg.Printer == nil || kiosk.VisitOf(e.Data) == "" {
			return nil
		}
		var docs []ticket.Document
		err := s.View(ctx, func(st *floor.State, _ kiosk.Moment) {
			if v, ok := st.Visit(kiosk.VisitOf(e.Data)); ok {
				docs = ticket.For(e, s.paperView(st, v))
			}
		})
		if err == nil && len(docs) > 0 {
			jobs = append(jobs, job{e, docs})
		}
		return err
	})
	if ctx.Err() != nil {
		return nil, after, nil
	}
	return jobs, head, err
}

func (s *Station) paperView(st *floor.State, v *kiosk.Visit) ticket.View {
	return ticket.View{Visit: v, Events: st.Events(v.ID), Plate: st.Plate(v.ID), Store: s.cfg.Title,
		Board: s.cfg.Floor.Board, Zone: s.cfg.Floor.Calendar.Zone, Key: s.cfg.Floor.Key, KeyID: s.cfg.KeyID}
}

// printAll prints the documents of one event. doubt says that an earlier run
// may have begun with them.
func (s *Station) printAll(ctx context.Context, j job, doubt bool) error {
	if !doubt {
		if err := s.cfg.Journal.SetCursor(paperBegun, j.event.Seq); err != nil {
			return fmt.Errorf("mark paper begun: %w", err)
		}
	}
	for _, d := range j.docs {
		var at uint64
		if err := s.View(ctx, func(*floor.State, kiosk.Moment) { at = s.printed[d.ID] }); err != nil {
			return nil
		}
		switch {
		case at > j.event.Seq: // its outcome is already recorded
		case doubt:
			s.outcome(ctx, d, floor.PrintUnknown, "the kiosk stopped while it was printing")
			doubt = false // the documents after it were not begun
		default:
			s.printOne(ctx, d)
		}
	}
	return nil
}

// printOne tries until the printer takes the document or ctx ends.
func (s *Station) printOne(ctx context.Context, d ticket.Document) {
	for ctx.Err() == nil {
		out, err := s.cfg.Printer.Print(ctx, d)
		if err == nil {
			s.outcome(ctx, d, out, "")
			return
		}
		s.log.Warn("document waits for the printer", "document", d.ID, "error", err)
		wait := time.NewTimer(retry) // real time: a printer does not live in shop time
		select {
		case <-wait.C:
		case <-ctx.Done():
		}
		wait.Stop()
	}
}

func (s *Station) outcome(ctx context.Context, d ticket.Document, o floor.PrintOutcome, why string) {
	_, err := s.Do(ctx, floor.Printed{Document: d.ID, Visit: d.Visit, Printer: s.cfg.Name, Outcome: o, Reason: why})
	if err != nil && ctx.Err() == nil {
		s.log.Error("what became of a document was not recorded", "document", d.ID, "error", err)
	}
}
