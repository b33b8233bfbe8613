package dashboard

import (
	"context"
	"slices"
	"strconv"
	"time"

	"baylight/kiosk/health"
	"baylight/kiosk/words"
	"baylight/sync/backoffice"
	"baylight/sync/wire"
)

// trouble is something about one board that a person must look at: what
// happened and what to do next. It follows from the ledger and from what the
// board says, so that it is still there after a restart.
type trouble struct {
	Code  string `json:"code"` // one of Troubles, or "board" for the board's own words
	Count uint64 `json:"count"`
	Text  string `json:"text"`
	Do    string `json:"do,omitempty"`
}

// Troubles lists the codes; words has office.trouble.CODE and office.trouble.CODE.do.
func Troubles() []string {
	return []string{"lost", "conflict", "rejected", "destroyed", "damaged", "epochs", "gaps", "clock"}
}

// troubles are those of one board, never nil.
func (k kioskAnswer) troubles(lang words.Lang, zone *time.Location) []trouble {
	said, _ := k.Health.(wire.Health)
	counts := map[string]uint64{"conflict": uint64(k.Conflicts), "rejected": uint64(k.Rejected), "destroyed": k.lost.Count, "gaps": k.gaps()}
	if k.lost.Count == 0 {
		counts["damaged"] = k.Destroyed
	}
	if k.State == string(wire.Lost) {
		counts["lost"] = 1
	}
	if len(k.Receipt) > 1 {
		counts["epochs"] = uint64(len(k.Receipt) - 1)
	}
	if said.Clock == "unset" {
		counts["clock"] = 1
	}
	out := []trouble{}
	for _, code := range Troubles() {
		if n := counts[code]; n > 0 {
			key := "office.trouble." + code
			args := []string{strconv.FormatUint(n, 10)}
			if code == "destroyed" {
				args = append(args, words.Listed(lang, health.Phrases(k.runs(), zone)))
			}
			out = append(out, trouble{code, n, words.Text(lang, words.Key(key), args...), words.Text(lang, words.Key(key+".do"))})
		}
	}
	for _, text := range slices.Compact(slices.Clone(said.Alarms)) {
		out = append(out, trouble{Code: "board", Count: 1, Text: text})
	}
	return out
}

// gaps is how many records of a board are missing and may still come.
func (k kioskAnswer) gaps() (n uint64) {
	for _, e := range k.Receipt {
		for _, g := range e.Gaps {
			n += g[1] - g[0] + 1
		}
	}
	return n
}

// lacking looks up what is not here of what boards reported as destroyed, for
// those that did.
func (d *dashboard) lacking(ctx context.Context, ks []kioskAnswer) (err error) {
	for i := range ks {
		if ks[i].Destroyed == 0 {
			continue
		}
		if ks[i].lost, err = d.Office.Ledger().Lost(ctx, ks[i].Source); err != nil {
			return err
		}
	}
	return nil
}

// runs are the lost records, with the times beside them. Those that the ledger
// does not tell apart come first.
func (k kioskAnswer) runs() []health.Lost {
	out := []health.Lost{{}}
	rest := k.lost.Count
	for _, r := range k.lost.Runs {
		n := min(r.Last-r.First, 1_000_000_000_000) + 1 // as Destroyed counts
		rest -= min(n, rest)
		out = append(out, health.Lost{Count: n, Before: recorded(r.Before), After: recorded(r.After)})
	}
	if out[0].Count = rest; rest == 0 {
		return out[1:]
	}
	return out
}

func recorded(b backoffice.Beside) health.Beside {
	return health.Beside{At: b.When, Unsure: b.Uncertain}
}
