package backoffice

import (
	"context"
	"errors"
	"maps"
	"time"

	"baylight/sync/wire"
)

// Bounds on questions for the time.
const (
	maxQuestions = 32                     // that wait for an answer, of one store
	questionGap  = 100 * time.Millisecond // between two answered ones of one board
)

// question is a board that asks for the time.
type question struct{ kiosk, nonce string }

// ask takes in a board's question for the time. What is malformed, too frequent
// or more than can be answered is dropped without a word: a board asks again,
// and an answer that comes late is worth nothing.
func (r *room) ask(t wire.Topic, payload []byte, now time.Time) {
	q, err := wire.DecodeTimeQuestion(payload)
	if err != nil || t.Kind != wire.KindTime {
		return
	}
	r.mu.Lock()
	if len(r.asked) >= maxKiosks {
		maps.DeleteFunc(r.asked, func(_ string, last time.Time) bool { return now.Sub(last) >= questionGap })
	}
	last, known := r.asked[t.Kiosk]
	often := known && now.Sub(last) < questionGap || !known && len(r.asked) == maxKiosks
	if !often {
		r.asked[t.Kiosk] = now
	}
	r.mu.Unlock()
	if often {
		return
	}
	select {
	case r.questions <- question{t.Kiosk, q.Nonce}:
	default:
	}
}

// answerTime answers the boards' questions of one store until the connection
// fails or ctx ends. The time is read right before the answer leaves.
func (o *Office) answerTime(ctx context.Context, r *room) {
	for {
		var q question
		select {
		case q = <-r.questions:
		case <-ctx.Done():
			return
		}
		topics, err := wire.NewKiosk(r.Name, q.kiosk)
		if err != nil {
			continue
		}
		topic, err := topics.Cmd("time")
		if err != nil {
			continue
		}
		now := o.cfg.Now().In(r.Calendar.Zone).Truncate(time.Millisecond)
		b, err := wire.TimeAnswer{Nonce: q.nonce, Time: now, Synced: o.cfg.Synced != nil && o.cfg.Synced(), Expires: now.Add(wire.TimeValid)}.Encode()
		if err != nil {
			continue
		}
		if err := r.line.Publish(ctx, topic, false, b); err != nil && !errors.Is(err, context.Canceled) {
			o.log.Info("a board's question for the time stays without answer", "store", r.Name, "kiosk", q.kiosk, "err", err)
			return // the next connection goes on
		}
	}
}
