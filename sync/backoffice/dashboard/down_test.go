package dashboard_test

import (
	"encoding/csv"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"baylight/kiosk"
	"baylight/kiosk/words"
	"baylight/sync/backoffice/dashboard"
)

var links = regexp.MustCompile(`href="(/[^"#]*)`)

func linksOf(page string) (out []string) {
	for _, m := range links.FindAllStringSubmatch(page, -1) {
		if link := html.UnescapeString(m[1]); !strings.HasPrefix(link, "/static/") && !strings.HasPrefix(link, "/signin") {
			out = append(out, link)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Every link of every page leads to a page, two steps deep: from a figure to its
// orders to their events.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	s := newDesk(t, dashboard.Config{})
	b := s.guest("m1")
	seen := map[string]bool{}
	look := []string{"/", "/kpi?from=2026-11-03&by=adviser", "/kpi/on_time?from=2026-11-03", "/report", "/worklist", "/orders?from=2026-11-03", "/?lang=en"}
	for range 2 {
		var found []string
		for _, path := range look {
			if seen[path] {
				continue
			}
			seen[path] = true
			status, page := b.get(path)
			if status != http.StatusOK {
				t.Errorf("%s: %d %.300s", path, status, text(page))
				continue
			}
			if strings.HasPrefix(path, "/export/") {
				continue
			}
			if key := regexp.MustCompile(`\boffice\.[a-z_.]+`).FindString(text(page)); key != "" {
				t.Errorf("%s shows the key of a text: %s", path, key)
			}
			found = append(found, linksOf(page)...)
		}
		look = slices.DeleteFunc(slices.Compact(slices.Sorted(slices.Values(found))), func(p string) bool { return len(seen) > 150 && !strings.Contains(p, "/orders") })
		look = look[:min(len(look), 160)]
	}
	orders := 0
	for path := range seen {
		if strings.HasPrefix(path, "/orders/V") {
			orders++
		}
	}
	if len(seen) < 60 || orders < 9 {
		t.Errorf("only %d pages were looked at, %d of them orders", len(seen), orders)
	}
}

var listed = regexp.MustCompile(`· (\d+) 条`)

// The list behind a number has as many orders as the number says.
func TestAsManyOrdersAsTheNumberSays(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	s.at("16:50", &kiosk.CheckedIn{Visit: "VN", Ticket: "A099", Purpose: "fault"})
	for query, want := range map[string]string{
		"kpi=arrivals": "11", "kpi=orders": "10", "kpi=orders&by=adviser&key=a1": "10", "kpi=orders&by=bay&key=b1": "5", "kpi=orders&by=technician&key=t1": "10",
		"kpi=category_counts&by=category&key=warranty": "10", "kpi=orders&by=category&key=accident": "0", "kpi=on_time&value=on_time": "7", "kpi=on_time&value=late": "3",
		"kpi=on_time&value=on_time&variant=first/pass/signed/on_time": "8", "kpi=on_time&value=on_time&variant=last/pass/signed/late": "8",
		"kpi=on_time&variant=first/pass/passed/late": "9", "kpi=on_time&variant=first/pass/due/late&due=now": "10", "kpi=data_quality": "9", "kpi=complete": "9", "kpi=incomplete": "0",
		"kpi=turnaround_minutes": "9", "kpi=repair_minutes": "9", "kpi=orders&from=2026-11-02": "0", "kpi=orders&by=adviser&key=nobody": "0",
	} {
		status, page := s.do("GET", "/orders?from=2026-11-03&"+query, "")
		if strings.Contains(query, "from=") {
			status, page = s.do("GET", "/orders?"+query, "")
		}
		m := listed.FindStringSubmatch(page)
		if status != http.StatusOK || m == nil || m[1] != want {
			t.Errorf("%s: %d, %v, want %s", query, status, m, want)
		}
		_, file := s.do("GET", "/export/orders.csv?from=2026-11-03&"+query, "")
		if rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file, "\ufeff"))).ReadAll(); !strings.Contains(query, "from=") && (err != nil || formatFloat(float64(len(rows)-1)) != want) {
			t.Errorf("the file for %s has %d rows, want %s (%v)", query, len(rows)-1, want, err)
		}
	}
	for q, lands := range map[string]string{"A007": "工单 W7", "a007": "工单 W7", "W7": "工单 W7", "V7": "工单 W7", "A555": "没有找到“A555”"} {
		if _, page := s.do("GET", "/orders?q="+q, ""); !strings.Contains(text(page), lands) {
			t.Errorf("looking for %s: %.300s", q, text(page))
		}
	}
}

// Every figure has its definition in both languages beside it, and what it is made of.
func TestFigurePages(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	for _, f := range dashboard.Figures() {
		if f == "stages" {
			continue
		}
		status, page := s.do("GET", "/kpi/"+f+"?from=2026-11-03&by=adviser", "")
		for _, l := range []words.Lang{words.ZH, words.EN} {
			if def := words.Text(l, words.Key("kpi."+f+".def")); status != http.StatusOK || !strings.Contains(text(page), strings.Join(strings.Fields(def), " ")) {
				t.Errorf("%s: %d, without its definition %q", f, status, def)
			}
		}
	}
	_, page := s.do("GET", "/kpi/on_time?from=2026-11-03&by=none&compare=custom&cfrom=2026-11-01&cuntil=2026-11-02", "")
	for _, want := range []string{"70.0%", "分子 7 严格早于首次约定", "分母 10 期内签订", "8 / 10 80.0%", "7 / 9 77.8%", "对比期 2026-11-01 至 2026-11-02"} {
		if !strings.Contains(text(page), want) {
			t.Errorf("the on-time rate does not show %q:\n%s", want, text(page))
		}
	}
	if status, page := s.do("GET", "/kpi/profit", ""); status != http.StatusNotFound || !strings.Contains(text(page), "没有名为“profit”的指标") {
		t.Errorf("an unknown figure: %d %s", status, text(page))
	}
}

// What is wrong in a period is said on the page, which stays usable.
func TestWrongPeriods(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	for query, want := range map[string]string{
		"from=2026-02-29":                              "“2026-02-29”不是日历上的日期",
		"from=2026-11-04&until=2026-11-03":             "起始日 2026-11-04 晚于截止日 2026-11-03，请对调",
		"from=1900-01-01&until=2026-01-01":             "期间最长",
		"by=hour":                                      "不能按“hour”分组",
		"compare=luck":                                 "不能与“luck”对比",
		"compare=custom&cfrom=2026-13-01":              "“2026-13-01”不是日历上的日期",
		"from=%22%3E%3Cscript%3Ealert(1)%3C/script%3E": "不是日历上的日期",
	} {
		for _, path := range []string{"/kpi?", "/kpi/on_time?"} {
			status, page := s.do("GET", path+query, "")
			if status != http.StatusBadRequest || !strings.Contains(text(page), want) || !strings.Contains(page, `<form class="period"`) || strings.Contains(page, "<script>alert") {
				t.Errorf("%s%s: %d, want %q:\n%.300s", path, query, status, want, text(page))
			}
		}
	}
	for path, want := range map[string]string{"/report?month=2026-13": "“2026-13”不是月份", "/orders?from=x": "“x”不是日历上的日期", "/orders?kpi=profit": "没有这种读法", "/kpi?as_of=x-1": "账本位置不存在",
		"/orders/nothing": "没有找到“nothing”", "/kpi?store=nowhere": "请选择一家门店"} {
		if status, page := s.do("GET", path, ""); status < 400 || status > 404 || !strings.Contains(text(page), want) {
			t.Errorf("%s: %d, want %q: %.300s", path, status, want, text(page))
		}
	}
}

// A period keeps its figures as of the position it was paid at, on pages too,
// over a correction.
func TestPageAsOf(t *testing.T) {
	s := newSite(t, dashboard.Config{})
	asOf := s.get("/api/v1/kpi", "as_of").(string)
	if _, err := s.office.Record(t.Context(), store, &kiosk.Voided{Event: s.idOf("V0", "inspection.passed"), Meta: kiosk.Meta{By: "s1", Reason: "x"}}); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/kpi/on_time?from=2026-11-03": "60.0%", "/kpi/on_time?from=2026-11-03&as_of=" + asOf: "70.0%"} {
		_, page := s.do("GET", path, "")
		if !strings.Contains(text(page), want) {
			t.Errorf("%s does not show %s: %.400s", path, want, text(page))
		}
		if down := regexp.MustCompile(`class="number" href="([^"]+)"`).FindStringSubmatch(page); down == nil || strings.Contains(path, "as_of") != strings.Contains(down[1], "as_of") {
			t.Errorf("%s: the way down is %v", path, down)
		}
	}
	_, page := s.do("GET", "/orders?kpi=on_time&value=on_time&from=2026-11-03&as_of="+asOf, "")
	if m := listed.FindStringSubmatch(page); m == nil || m[1] != "7" {
		t.Errorf("as of then %v orders were on time", m)
	}
}
