package dashboard

import (
	"fmt"

	"baylight/kiosk"
)

// Share is a stage's part of the whole in per cent.
func (f figurePage) Share(s kiosk.Stage) string {
	if f.Whole.Stages.TotalMS == 0 {
		return "—"
	}
	return fmt.Sprintf("%.1f%%", float64(f.Whole.Stages.MS[s])*100/float64(f.Whole.Stages.TotalMS))
}

// StageWidth is the part's width in a picture of a thousand.
func (f figurePage) StageWidth(s kiosk.Stage) float64 {
	if f.Whole.Stages.TotalMS == 0 {
		return 0
	}
	return round(float64(f.Whole.Stages.MS[s]) * 1000 / float64(f.Whole.Stages.TotalMS))
}

// StageStart is where the part begins in that picture.
func (f figurePage) StageStart(s kiosk.Stage) (x float64) {
	for _, other := range f.Stages {
		if other == s {
			return round(x)
		}
		if f.Whole.Stages.TotalMS > 0 {
			x += float64(f.Whole.Stages.MS[other]) * 1000 / float64(f.Whole.Stages.TotalMS)
		}
	}
	return x
}

// StageMinutes is a stage's whole minutes per visit.
func (f figurePage) StageMinutes(s kiosk.Stage) int64 {
	if f.Whole.Stages.Visits == 0 {
		return 0
	}
	return f.Whole.Stages.MS[s] / 60_000 / int64(f.Whole.Stages.Visits)
}

// StageLink leads to the visits that were in a stage.
func (f figurePage) StageLink(s kiosk.Stage) string {
	return f.drillTo("stages", string(s), "", nil)
}
