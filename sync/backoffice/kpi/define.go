package kpi

import (
	"strings"

	"baylight/kiosk/words"
)

// Word is the key of a figure's name; ".def" behind it makes that of its
// definition, which says what is counted, over what, and which reading it is. The
// figure is named as in [Figures].
func Word(figure string) words.Key {
	switch figure {
	case "repair_minutes":
		return "kpi.repair_gross"
	case "promise_error_minutes":
		return "kpi.promise_error"
	}
	return words.Key("kpi." + strings.ReplaceAll(strings.ReplaceAll(figure, "_minutes", ""), ".", "_"))
}
