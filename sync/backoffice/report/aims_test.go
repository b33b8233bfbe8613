package report_test

import (
	"bytes"
	"strings"
	"testing"

	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
	"baylight/sync/backoffice/report"
)

// TestTargets: a figure with a target gets two columns, the terminal the one that
// says whether it is met; rows by category get none.
func TestTargets(t *testing.T) {
	var r kpi.Row
	r.OnTime.Ratio = kpi.Ratio{Numerator: 19, Denominator: 20}
	about := report.About{Store: "s", From: "2026-11-01", To: "2026-12-01", By: kpi.ByNone, Lang: words.EN, Targets: map[string]int64{"on_time_percent": 95, "turnaround_minutes": 60, "older": 1}}
	table := report.Figures([]kpi.Row{r}, about)
	got := map[string]report.Cell{}
	for i, c := range table.Columns {
		if strings.HasSuffix(c.Key, "_target") || strings.HasSuffix(c.Key, "_met") {
			got[c.Key] = table.Rows[0][i]
		}
	}
	if len(got) != 4 || got["on_time_percent_target"] != int64(95) || got["on_time_percent_met"] != "met" || got["turnaround_minutes_met"] != nil {
		t.Errorf("targets %v", got)
	}
	var text bytes.Buffer
	if err := table.Text(&text); err != nil || !strings.Contains(text.String(), "On-time rate target") || strings.Contains(text.String(), "≥") {
		t.Errorf("on a terminal: %v\n%s", err, text.String())
	}
	about.By = kpi.ByCategory
	if n := len(report.Figures([]kpi.Row{r}, about).Columns); n != len(report.Figures([]kpi.Row{r}, report.About{By: kpi.ByCategory}).Columns) {
		t.Errorf("by category there are %d columns", n)
	}
}
