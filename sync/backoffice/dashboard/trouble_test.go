package dashboard_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

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
	last := s.at("16:51", &kiosk.HelpCleared{Bay: "b1"}).Event.Seq
	s.board.Skip(4)
	s.at("16:58", &kiosk.HelpCalled{Bay: "b1"})
	s.at("16:59", &kiosk.JournalLost{Epoch: "e1", From: last + 1, To: last + 4})
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
		"/kiosks": {"有 1 个编号收到了两条不同的记录", "复制了存储卡", "缺少 2 条记录", "隔离",
			"<b>k1</b> 终端报告有 4 条记录损毁，无法补回：2026-11-03 16:51 至 16:58 之间 4 条<br>", "对照那段时间的工单和纸质单据，在服务顾问台补录"},
		"/kiosks?lang=en": {"2 records are missing", "run baylight resend", "4 records destroyed; they will never arrive: 4 between 2026-11-03 16:51 and 16:58<br>", "enter again at the desk what is not here", "began anew 1 times"},
	} {
		_, page := s.do("GET", path, "")
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s does not say %q", path, want)
			}
		}
	}
}

// TestLostRecords: what was destroyed is told with its time as far as the ledger
// knows it, by board; what had come before is not called lost.
func TestLostRecords(t *testing.T) {
	s := newSite(t, dashboard.Config{InsecureLAN: true})
	var all []backoffice.Entry
	on := func(name string) (*ledgertest.Board, func(when string, p kiosk.Payload)) {
		b := ledgertest.NewBoard(t, store, name, "e1")
		return b, func(when string, p kiosk.Payload) {
			b.Now = b.Now.Add(clock(t, when).Add(-time.Second).Sub(b.Now.Wall))
			all = append(all, b.Event(p))
		}
	}
	_, whole := on("k2")
	whole("09:00", &kiosk.HelpCalled{Bay: "b1"})
	whole("09:10", &kiosk.JournalLost{Epoch: "e1", From: 1, To: 1})
	lame, unsure := on("k3")
	lame.Now.Clock = kiosk.Unset
	unsure("09:00", &kiosk.HelpCalled{Bay: "b1"})
	lame.Skip(5)
	unsure("10:30", &kiosk.HelpCleared{Bay: "b1"})
	unsure("10:31", &kiosk.JournalLost{Epoch: "e1", From: 1, To: 6})
	cut, ends := on("k4")
	cut.Skip(2)
	ends("11:15", &kiosk.HelpCalled{Bay: "b1"})
	next := ledgertest.NewBoard(t, store, "k4", "e2")
	all = append(all, next.Event(&kiosk.JournalLost{Epoch: "e1", From: 1, To: 2}), next.Event(&kiosk.JournalLost{Epoch: "e1", From: 4, To: 12}), next.Event(&kiosk.JournalLost{Epoch: "e0", From: 1, To: 3}))
	if _, err := s.ledger.Commit(t.Context(), backoffice.Batch{At: s.now, Entries: all}); err != nil {
		t.Fatal(err)
	}
	for lang, wants := range map[string][]string{
		"zh-CN": {
			"<b>k2</b> 终端报告有 1 条记录损毁，但此前都已收到，没有缺失<br><span class=\"do\">无需补录",
			"<b>k3</b> 终端报告有 5 条记录损毁，无法补回：大约 2026-11-03 09:00 至 10:30 之间 5 条（时间不确定）<br>",
			"<b>k4</b> 终端报告有 14 条记录损毁，无法补回：3 条，时间不明；2026-11-03 11:15 之前 2 条；2026-11-03 11:15 以后 9 条<br>",
		},
		"en": {
			"<b>k2</b> The board reports 1 records destroyed; all of them had come before and none is missing<br>",
			"<b>k3</b> The board reports 5 records destroyed; they will never arrive: 5 between about 2026-11-03 09:00 and 10:30 (time uncertain)<br>",
			"3 at an unknown time; 2 before 2026-11-03 11:15; 9 since 2026-11-03 11:15<br>",
		},
	} {
		_, page := s.do("GET", "/kiosks?lang="+lang, "")
		_, api := s.do("GET", "/api/v1/kiosks?lang="+lang, "")
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("/kiosks?lang=%s does not say %q", lang, want)
			}
			_, text, _ := strings.Cut(strings.Split(want, "<br>")[0], "</b> ")
			if !strings.Contains(api, text) {
				t.Errorf("the API in %s does not say %q", lang, text)
			}
		}
	}
}
