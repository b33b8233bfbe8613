package kpi_test

import (
	"testing"

	"baylight/kiosk/words"
	"baylight/sync/backoffice/kpi"
)

// TestEveryFigureIsDefined: each has a name and a definition in both languages.
func TestEveryFigureIsDefined(t *testing.T) {
	for figure := range kpi.Figures() {
		for _, key := range []words.Key{kpi.Word(figure), kpi.Word(figure) + ".def"} {
			zh, en := words.Text(words.ZH, key), words.Text(words.EN, key)
			if zh == "" || en == "" || zh == string(key) || en == string(key) || zh == en {
				t.Errorf("%s: %s reads %q and %q", figure, key, zh, en)
			}
		}
	}
}
