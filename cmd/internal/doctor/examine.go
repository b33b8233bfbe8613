package doctor

import (
	"context"
	"errors"
	"time"
)

// Within bounds one area.
const Within = 12 * time.Second

// area is a group of checks.
type area struct {
	name  string
	check func(ctx context.Context, f *Facts) []Finding
}

func areas() []area {
	return []area{{"config", config}, {"kiosk", running}, {"wiring", wiring}, {"permissions", permissions}, {"clock", clockArea}, {"disk", disk},
		{"power", power}, {"broker", broker}, {"certificate", certificates}, {"version", versions}, {"service", service}}
}

// Examine looks at everything. It ends when ctx does, or when the slowest area
// has used up its time.
func Examine(ctx context.Context, f *Facts) Report {
	all := areas()
	found := make([]chan []Finding, len(all))
	ctx, cancel := context.WithTimeout(ctx, Within)
	defer cancel()
	for i, a := range all {
		found[i] = make(chan []Finding, 1)
		go func() { found[i] <- a.check(ctx, f) }()
	}
	// A check that minds ctx answers as it ends: that is waited for, a little.
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), Within+time.Second)
	defer stop()
	r := Report{Level: OK, Findings: []Finding{}}
	for i, a := range all {
		var got []Finding
		select {
		case got = <-found[i]:
		default:
			select {
			case got = <-found[i]:
			case <-late.Done():
				got = []Finding{unseen(a.name, a.name, errors.New("no answer in "+Within.String()))}
			}
		}
		for _, one := range got {
			one.Area = a.name
			if one.Level.Number() > r.Level.Number() {
				r.Level = one.Level
			}
			r.Findings = append(r.Findings, one)
		}
	}
	return r
}
