package dashboard_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/ledger/ledgertest"
)

// TestTroubles: what went wrong with a board is told in words, on the page and in
// the API, with what to do, and is still told by another process.
func TestTroubles(t *testing.T) {
	s := newSite(t, dashboard.Config{InsecureLAN: true})
	if _, page := s.do("GET", "/kiosks", ""); strings.Contains(page, "各终端一切正常") || !strings.Contains(page, "未加密") {
		t.Error("the page calls a board fine that was never heard of, or does not say that it is reached in the clear")
	}
	e := s.at("16:50", &kiosk.HelpCalled{Bay: "b1"})
	other := e
	other.Bytes = bytes.Replace(e.Bytes, []byte(`"b1"`), []byte(`"b2"`), 1)
	s.board.Skip(2)
	s.at("16:51", &kiosk.HelpCleared{Bay: "b1"})
	s.at("16:52", &kiosk.JournalLost{Epoch: "e0", From: 5, To: 8})
	again := ledgertest.NewBoard(t, store, "k1", "e2").Event(&kiosk.KioskStarted{Version: "1"})
	if _, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: []backoffice.Entry{other, again},
		Rejects: []backoffice.Reject{{Store: store, Topic: "t", Source: s.board.Source, Payload: []byte("{"), Reason: "no JSON"}}}); err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, a := range s.get("/api/v1/kiosks", "kiosks", 0, "alarms").([]any) {
		alarm := a.(map[string]any)
		got[alarm["code"].(string)] = alarm["count"].(float64)
		if alarm["text"] == "" || alarm["do"] == "" {
			t.Errorf("an alarm without words: %v", alarm)
		}
	}
	if want := map[string]float64{"conflict": 1, "rejected": 1, "destroyed": 4, "epochs": 1, "gaps": 2}; !maps.Equal(got, want) {
		t.Errorf("alarms are %v, want %v", got, want)
	}
	for path, wants := range map[string][]string{
		"/kiosks":         {"有 1 个编号收到了两条不同的记录", "复制了存储卡", "缺少 2 条记录", "损毁", "隔离"},
		"/kiosks?lang=en": {"2 records are missing", "run baylight resend", "4 records destroyed", "began anew 1 times"},
	} {
		_, page := s.do("GET", path, "")
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
	}
}
