package dashboard

import (
	"encoding/json"
	"fmt"
	"math"

	"baylight/sync/backoffice/kpi"
)

// chart is a figure over the rows of a grouping. Pages draw it as an SVG of bars,
// which needs no script and prints sharp; where scripts run, uPlot takes its place
// from Data.
type chart struct {
	Label   string
	Kind    string
	Bars    []bar
	Top     string // at the upper end of the axis
	Data    string // JSON for chart.js
	Wide    int    // of the picture
	Aim     string // the target in words; "" without one
	AimWord string
	AimY    float64 // where its line is
}

// bar is one row in the picture, in its units.
type bar struct {
	X, Y, W, H     float64
	WasX, WasY     float64 // the earlier period's, a line over the bar; below 0: none
	WasW           float64
	Label, Text    string
	Labelled, None bool
	Mid            float64
}

// The picture's measures.
const (
	chartWide, chartHigh = 720.0, 150.0
	maxBars              = 400
)

// draw makes the chart of a figure over rows; before are the rows of the earlier
// period in the same places, nil if there are none.
func draw(p page, f figure, by kpi.By, rows, before []kpi.Row, target aim) *chart {
	if len(rows) == 0 || len(rows) > maxBars {
		return nil
	}
	c := &chart{Label: p.T("kpi." + f.Key), Kind: f.Kind, Wide: int(chartWide)}
	top := 0.0
	var line *float64
	if target.Name != "" && by != kpi.ByCategory {
		at := target.inRow()
		line, top, c.Aim, c.AimWord = &at, at, target.Text(p.Lang), p.T("office.target")
	}
	var labels []string
	var now, was []*float64
	for i, r := range rows {
		v := f.of(r)
		now = append(now, number(v))
		top = max(top, v.F)
		labels = append(labels, p.Key(by, r.Key))
		if before != nil {
			var b value
			if i < len(before) {
				b = f.of(before[i])
			}
			was = append(was, number(b))
			top = max(top, b.F)
		}
	}
	if f.Kind == percent {
		top = max(0.1, math.Ceil(top*10)/10)
	}
	top = max(top, 1e-9)
	c.Top = scaleText(f.Kind, top)
	if line != nil {
		c.AimY = round(chartHigh - *line/top*chartHigh)
	}
	step := chartWide / float64(len(rows))
	every := max(1, int(math.Ceil(widest(labels)/step)))
	for i, r := range rows {
		v := f.of(r)
		high := max(0, v.F) / top * chartHigh // what lies below 0 is shown by uPlot alone, and in the table
		b := bar{X: round(float64(i)*step + step*.15), W: round(min(step*.7, 64)), H: round(high), Y: round(chartHigh - high), Label: labels[i], Text: v.Big,
			Labelled: i%every == 0, None: !v.Has, WasY: -1}
		if step*.7 > 64 {
			b.X = round(float64(i)*step + (step-64)/2)
		}
		b.Mid = round(b.X + b.W/2)
		if was != nil && was[i] != nil {
			b.WasX, b.WasW, b.WasY = round(b.X-step*.08), round(b.W+step*.16), round(chartHigh-*was[i]/top*chartHigh)
		}
		c.Bars = append(c.Bars, b)
	}
	unit := ""
	if f.Kind == minutes {
		unit = p.T("office.minutes")
	}
	data, err := json.Marshal(map[string]any{"kind": f.Kind, "unit": unit, "labels": labels, "now": now, "was": was,
		"name": p.T("kpi." + f.Key), "before": p.T("office.before"), "by": by, "target": line})
	if err != nil {
		return nil // numbers and texts always fit
	}
	c.Data = string(data)
	return c
}

// widest is about how wide the labels of a chart are at most, with room between.
func widest(labels []string) (most float64) {
	for _, l := range labels {
		wide := 16.0
		for _, r := range l {
			wide += 11
			if r > 0x2e80 { // Chinese
				wide += 9
			}
		}
		most = max(most, wide)
	}
	return most
}

func number(v value) *float64 {
	if !v.Has {
		return nil
	}
	return &v.F
}

func round(f float64) float64 { return math.Round(f*10) / 10 }

func scaleText(kind string, top float64) string {
	if kind == percent {
		return fmt.Sprintf("%.0f%%", top*100)
	}
	return fmt.Sprintf("%.0f", top)
}
