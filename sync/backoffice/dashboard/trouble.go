package dashboard

import (
	"slices"
	"strconv"

	"baylight/kiosk/words"
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
	return []string{"lost", "conflict", "rejected", "destroyed", "epochs", "gaps", "clock"}
}

// troubles are those of one board, never nil.
func (k kioskAnswer) troubles(lang words.Lang) []trouble {
	health, _ := k.Health.(wire.Health)
	counts := map[string]uint64{"conflict": uint64(k.Conflicts), "rejected": uint64(k.Rejected), "destroyed": k.Destroyed}
	if k.State == string(wire.Lost) {
		counts["lost"] = 1
	}
	if len(k.Receipt) > 1 {
		counts["epochs"] = uint64(len(k.Receipt) - 1)
	}
	for _, e := range k.Receipt {
		for _, g := range e.Gaps {
			counts["gaps"] += g[1] - g[0] + 1
		}
	}
	if health.Clock == "unset" {
		counts["clock"] = 1
	}
	out := []trouble{}
	for _, code := range Troubles() {
		if n := counts[code]; n > 0 {
			key := "office.trouble." + code
			out = append(out, trouble{code, n, words.Text(lang, words.Key(key), strconv.FormatUint(n, 10)), words.Text(lang, words.Key(key+".do"))})
		}
	}
	for _, text := range slices.Compact(slices.Clone(health.Alarms)) {
		out = append(out, trouble{Code: "board", Count: 1, Text: text})
	}
	return out
}
