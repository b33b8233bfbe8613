package monitoring

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/officeapp"
	"baylight/cmd/internal/rig"
	"baylight/cmd/internal/settings"
	"baylight/kiosk/clock"
	"baylight/kiosk/promtext/promtest"
	"baylight/sync/broker"
)

var update = flag.Bool("update", false, "write METRICS.md anew")

const folder = "../../../firmware-config/monitoring"

// daemons runs a board, a broker and a back office until the office knows the
// board, and reads what both export.
func daemons(t *testing.T) (kiosk, office promtest.Scrape) {
	t.Helper()
	shop, err := rig.New(t.TempDir(), 1)
	must(t, err)
	t.Cleanup(func() { must(t, shop.Close()) })
	hub, err := broker.Start(broker.Config{Addr: shop.Broker})
	must(t, err)
	t.Cleanup(func() { must(t, hub.Close()) })
	set, err := settings.LoadKiosk(filepath.Join(shop.Dir, "kiosk.toml"))
	must(t, err)
	set.Printer = &settings.Printer{Name: "ticket", USB: filepath.Join(shop.Dir, "lp0"), Width: 80}
	back, err := settings.LoadOffice(filepath.Join(shop.Dir, "backoffice.toml"))
	must(t, err)
	now, err := clock.NewSystem(set.Store.Calendar.Zone)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() {
		ended <- kioskapp.Run(ctx, kioskapp.Options{Settings: set, Version: "1.0", Log: slog.New(slog.DiscardHandler), Clock: now, NewID: kioskapp.RandomID, Ready: func() {}, ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	}()
	go func() {
		ended <- officeapp.Run(ctx, officeapp.Options{Settings: back, Version: "1.0", Log: slog.New(slog.DiscardHandler), Clock: now, Ready: func() {}, ReconnectMin: time.Millisecond, ReconnectMax: 20 * time.Millisecond})
	}()
	t.Cleanup(func() {
		stop()
		for range 2 {
			must(t, <-ended)
		}
	})
	tick, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		kiosk, office = read(shop.Kiosk), read(shop.Office)
		if kiosk.Samples["baylight_receipt_age_seconds"] > 0 && office.Labels["baylight_kiosk_health_level"] != nil {
			return kiosk, office
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("a daemon has ended: %v", err)
		case <-late:
			t.Fatalf("board and office do not meet: %v\n%v", kiosk.Samples, office.Samples)
		}
	}
}

// read scrapes a daemon; nothing if it does not answer yet.
func read(address string) promtest.Scrape {
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		return promtest.Scrape{}
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		return promtest.Scrape{}
	}
	s, err := promtest.Parse(string(b))
	if err != nil {
		panic(err)
	}
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// exported knows every metric and its labels.
type exported map[string][]string

func (e exported) check(t *testing.T, where, expr string) {
	t.Helper()
	uses, err := parse(expr)
	if err != nil {
		t.Errorf("%s: %v", where, err)
	}
	for _, u := range uses {
		base := u.metric
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			if b, ok := strings.CutSuffix(base, suffix); ok && e[b] != nil {
				base = b
			}
		}
		labels, there := e[base]
		if !there {
			t.Errorf("%s: no daemon exports %s", where, u.metric)
			continue
		}
		for _, l := range u.labels {
			if !slices.Contains(append([]string{"job", "instance", "le"}, labels...), l) {
				t.Errorf("%s: %s has no label %s, but %v", where, u.metric, l, labels)
			}
		}
	}
}

// rule is one alert as it stands in the file, its keys in this order.
var rule = regexp.MustCompile(`      - alert: (\w+)
        expr: '(.*)'
        for: (\d+[smh])
        labels: \{severity: (critical|warning|info)\}
        annotations:
          summary: '(.*)'
          runbook: '(.*)'
`)

func TestMonitoring(t *testing.T) {
	kiosk, office := daemons(t)
	all := exported{"up": {}}
	for _, s := range []promtest.Scrape{kiosk, office} {
		for name := range s.Kinds {
			all[name] = append([]string{}, append(all[name], s.Labels[name]...)...)
		}
	}
	t.Run("alerts", func(t *testing.T) { alerts(t, all) })
	t.Run("dashboard", func(t *testing.T) { dashboard(t, all) })
	t.Run("table", func(t *testing.T) { table(t, kiosk, office) })
}

func alerts(t *testing.T, all exported) {
	b, err := os.ReadFile(filepath.Join(folder, "alerts.yml"))
	must(t, err)
	found := rule.FindAllStringSubmatch(string(b), -1)
	if n := strings.Count(string(b), "- alert:"); n != len(found) || n < 20 {
		t.Errorf("%d of %d alerts have expr, for, severity, summary and runbook", len(found), n)
	}
	names := map[string]bool{}
	label := regexp.MustCompile(`\$labels\.(\w+)`)
	for _, r := range found {
		name, expr, summary, runbook := r[1], strings.ReplaceAll(r[2], "''", "'"), r[5], r[6]
		if names[name] {
			t.Errorf("%s is there twice", name)
		}
		names[name] = true
		all.check(t, name, expr)
		if !strings.ContainsFunc(summary, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || !strings.Contains(summary, " · ") || len(runbook) < 40 {
			t.Errorf("%s: a summary in both languages and a runbook are wanted: %q, %q", name, summary, runbook)
		}
		uses, _ := parse(expr)
		for _, l := range label.FindAllStringSubmatch(summary, -1) {
			if l[1] != "instance" && (len(uses) == 0 || !slices.Contains(all[uses[0].metric], l[1])) {
				t.Errorf("%s: its summary names the label %s, which %v does not have", name, l[1], uses)
			}
		}
	}
}

func dashboard(t *testing.T, all exported) {
	b, err := os.ReadFile(filepath.Join(folder, "grafana.json"))
	must(t, err)
	var d struct {
		Templating struct {
			List []struct{ Type, Name, Query string }
		}
		Panels []struct {
			ID      int
			Title   string
			Type    string
			Targets []struct{ Expr, LegendFormat string }
			GridPos struct{ X, Y, W, H int }
		}
	}
	must(t, json.Unmarshal(b, &d))
	for _, v := range d.Templating.List {
		if v.Type == "query" {
			all.check(t, "variable "+v.Name, v.Query)
		}
	}
	ids, legend := map[int]bool{}, regexp.MustCompile(`\{\{(\w+)\}\}`)
	for _, p := range d.Panels {
		if ids[p.ID] || p.GridPos.X+p.GridPos.W > 24 {
			t.Errorf("panel %s: id %d is used twice, or it is too wide", p.Title, p.ID)
		}
		ids[p.ID] = true
		if !strings.ContainsFunc(p.Title, func(r rune) bool { return unicode.Is(unicode.Han, r) }) || !strings.Contains(p.Title, " · ") || p.Type != "row" && len(p.Targets) == 0 {
			t.Errorf("panel %q: a title in both languages and a query are wanted", p.Title)
		}
		for _, target := range p.Targets {
			all.check(t, p.Title, target.Expr)
			uses, _ := parse(target.Expr)
			for _, l := range legend.FindAllStringSubmatch(target.LegendFormat, -1) {
				if l[1] != "instance" && !slices.ContainsFunc(uses, func(u use) bool { return slices.Contains(all[u.metric], l[1]) }) {
					t.Errorf("panel %q: its legend names the label %s, which nothing in it has", p.Title, l[1])
				}
			}
		}
	}
	if len(ids) < 20 {
		t.Errorf("only %d panels", len(ids))
	}
}

// table holds METRICS.md to what is exported.
func table(t *testing.T, kiosk, office promtest.Scrape) {
	var b strings.Builder
	b.WriteString("# Metrics\n\nWhat the daemons tell Prometheus: text format 0.0.4 at `GET /metrics`, of `kioskd` where its pages are, of `backofficed` where its dashboard is (with its read token, or from loopback without one). Durations are seconds, sizes bytes. Labels are names of the configuration and words of the program: no personal data, and no more of them than the configuration has. Written by `go test ./cmd/internal/monitoring -update`; the test holds it to real daemons.\n")
	for _, d := range []struct {
		name string
		s    promtest.Scrape
	}{{"kioskd", kiosk}, {"backofficed", office}} {
		fmt.Fprintf(&b, "\n## %s\n\n| metric | kind | labels | what |\n|---|---|---|---|\n", d.name)
		for _, name := range slices.Sorted(maps.Keys(d.s.Kinds)) {
			if !regexp.MustCompile(`^(baylight|process)_[a-z_]+$`).MatchString(name) {
				t.Errorf("%s: %s is no name of ours", d.name, name)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", name, d.s.Kinds[name], strings.Join(d.s.Labels[name], ", "), d.s.Help[name])
		}
	}
	path := filepath.Join(folder, "METRICS.md")
	if *update {
		must(t, os.WriteFile(path, []byte(b.String()), 0o644))
	}
	got, err := os.ReadFile(path)
	must(t, err)
	if string(got) != b.String() {
		t.Errorf("%s is not what the daemons export; write it anew with -update. Exported now:\n%s", path, b.String())
	}
}
