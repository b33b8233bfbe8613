package rebuild

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/ledger"
	"baylight/sync/backoffice/ledger/ledgertest"
)

const (
	days    = 2
	atOnce  = 240 // events in a batch
	overlap = 6   // visits a day whose work overlaps that of others
)

// tape keeps what it is given to commit.
type tape struct {
	backoffice.Ledger
	events [][]byte
}

func (t *tape) Commit(_ context.Context, b backoffice.Batch) (backoffice.Outcome, error) {
	for _, e := range b.Entries {
		t.events = append(t.events, e.Bytes)
	}
	return backoffice.Outcome{}, nil
}

// batches are the events of some days, two boards' and those of a third whose
// technicians work on other cars meanwhile.
func batches(t *testing.T) (all [][][]byte) {
	var tape tape
	ledgertest.Fill(t, &tape, store, days*ledgertest.FillVisits*ledgertest.FillEvents)
	b := ledgertest.NewBoard(t, store, "k3", "e3")
	var third [][]byte
	for i := range days * overlap {
		b.Now.Wall = ledgertest.FillFrom.AddDate(0, 0, i/overlap).Add(time.Duration(10+i%overlap) * time.Hour)
		visit := fmt.Sprintf("overlapping-%d", i)
		job := kiosk.Job{Visit: visit, Bay: "b9", Technician: fmt.Sprintf("t%d", i%8+1), Item: 1}
		for _, p := range []kiosk.Payload{&kiosk.CheckedIn{Visit: visit, Ticket: fmt.Sprintf("B%03d", i), Vehicle: fmt.Sprintf("LSVBB%012d", i), Purpose: "fault", Language: "zh-CN", Means: "keyed"},
			&kiosk.Accepted{Visit: visit, Adviser: "a1"}, &kiosk.Started{Job: job}} {
			third = append(third, b.Event(p).Bytes)
		}
		b.Now = b.Now.Add(40 * time.Minute)
		third = append(third, b.Event(&kiosk.Finished{Job: job}).Bytes)
	}
	all = slices.Collect(slices.Chunk(tape.events, atOnce))
	for i, part := range slices.Collect(slices.Chunk(third, 4)) {
		n := i * len(all) / (days * overlap)
		all[n] = append(slices.Clone(all[n]), part...)
	}
	return all
}

// answers is everything asked of figures, as one text.
func answers(ctx context.Context, f *figures.Folder) (string, error) {
	q := figures.Query{From: ledgertest.FillFrom, To: ledgertest.FillFrom.AddDate(0, 0, days)}
	var all []any
	for _, by := range []kpi.By{kpi.ByNone, kpi.ByDay, kpi.ByAdviser, kpi.ByCategory, kpi.ByBay, kpi.ByTechnician} {
		q.By = by
		a, err := f.Figures(ctx, store, q)
		if err != nil {
			return "", err
		}
		all = append(all, a.AsOf, a.Rows)
	}
	q.By = ""
	for _, of := range [][2]string{{"on_time", kpi.Late}, {"orders", ""}} {
		facts, _, err := f.Behind(ctx, store, q, "", of[0], of[1], kpi.Headline())
		if err != nil {
			return "", err
		}
		all = append(all, facts)
	}
	b, err := json.Marshal(all)
	return string(b), err
}

// undisturbed are the answers after each number of batches.
func undisturbed(t *testing.T, all [][][]byte) (out []string) {
	t.Helper()
	l, err := ledger.Open(filepath.Join(t.TempDir(), file))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	f, err := folder(l)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(all) + 1 {
		if n > 0 {
			b, err := batch(all[n-1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Commit(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		if err := f.Rebuild(t.Context(), store); err != nil {
			t.Fatal(err)
		}
		told, err := answers(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && told == out[n-1] {
			t.Fatalf("batch %d changes no figure: a state that lost it would not be found out", n)
		}
		out = append(out, told)
	}
	return out
}
