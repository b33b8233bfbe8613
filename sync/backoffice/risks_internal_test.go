package backoffice

import (
	"testing"
	"time"

	"baylight/sync/wire"
)

func TestRiskMoved(t *testing.T) {
	at := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	told := wire.Risk{P: 0.48, Reason: "queue", At: at}
	for name, tt := range map[string]struct {
		is   *wire.Risk
		want bool
	}{
		"the same":          {&told, false},
		"a little":          {&wire.Risk{P: 0.46, Reason: "queue", At: at.Add(7 * time.Minute)}, false},
		"much":              {&wire.Risk{P: 0.40, Reason: "queue", At: at}, true},
		"over the limit":    {&wire.Risk{P: 0.50, Reason: "queue", At: at}, true},
		"another reason":    {&wire.Risk{P: 0.48, Reason: "parts", At: at}, true},
		"soon not believed": {&wire.Risk{P: 0.48, Reason: "queue", At: at.Add(8 * time.Minute)}, true},
		"none any more":     {nil, true},
	} {
		if got := riskMoved(&told, tt.is); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if riskMoved(nil, nil) || !riskMoved(nil, &told) {
		t.Error("a first risk has to be told, none has not")
	}
}
