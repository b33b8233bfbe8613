package dashboard

import (
	"net/http"
	"strconv"

	"baylight/sync/backoffice/outlook"
)

// calibration is the page that says how far late-risk can be trusted.
type calibration struct {
	page
	C     outlook.Calibration
	None  bool // no risks are given: too little history, or no better than guessing
	Away  bool // another office has the store
	Rows  []decile
	Worse bool // there was enough history, and guessing did as well
}

// decile is one tenth of the estimates.
type decile struct {
	From, To          int // per cent
	N                 int
	Guessed, Observed string
	X, High, Mark     float64 // in the picture
}

func (d *dashboard) riskPage(w http.ResponseWriter, r *http.Request) error {
	p, err := d.page(r)
	if err != nil {
		return err
	}
	p.Title = p.T("kpi.risk")
	c := calibration{page: p, None: true}
	if d.Outlook != nil {
		report, err := d.Outlook(p.Store.Name)
		if err != nil {
			return err
		}
		c.None, c.Away = !report.Estimating, report.Why == outlook.ErrElsewhere.Error()
		if report.Calibration != nil {
			c.C = *report.Calibration
			c.Worse = c.None && c.C.Samples > 0
		}
	}
	for i, one := range c.C.Deciles {
		row := decile{From: i * 10, To: i*10 + 10, N: one.N, Guessed: "—", Observed: "—", X: float64(i) * 72}
		if one.Guessed != nil && one.Observed != nil {
			row.Guessed, row.Observed = per(*one.Guessed), per(*one.Observed)
			row.High, row.Mark = round(*one.Observed*chartHigh), round(chartHigh-*one.Guessed*chartHigh)
		}
		c.Rows = append(c.Rows, row)
	}
	d.render(w, http.StatusOK, "risk.html", c)
	return nil
}

func per(f float64) string { return strconv.FormatFloat(f*100, 'f', 1, 64) + "%" }

// Top is the upper end of a bar.
func (d decile) Top() float64 { return round(chartHigh - d.High) }

// Percent shows a share.
func (calibration) Percent(f float64) string { return per(f) }

// Score shows a Brier score.
func (calibration) Score(f float64) string { return strconv.FormatFloat(f, 'f', 3, 64) }
