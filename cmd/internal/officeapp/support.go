package officeapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/support"
	"baylight/kiosk/clock"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
)

// Bounds of a support bundle.
const (
	checkWithin = 20 * time.Second // for reading the ledger through
	maxSupport  = 32 << 20         // bytes
)

// witness remembers what a support bundle tells: the last lines of the log, and
// what else is known only while the office runs.
type witness struct {
	set     *settings.Office
	version string
	clock   clock.Clock
	began   time.Time
	lately  *support.Log

	office  *backoffice.Office
	shelf   *shelf
	lines   *connections
	people  map[string]*staff.Directory
	metrics http.Handler
}

// witnessOf puts a memory behind the log of o.
func witnessOf(o *Options) *witness {
	w := &witness{set: o.Settings, version: o.Version, clock: o.Clock, began: time.Now()}
	w.lately = support.NewLog(support.NewNet(secrets(o.Settings, nil)...))
	var next slog.Handler = slog.DiscardHandler
	if o.Log != nil {
		next = o.Log.Handler()
	}
	o.Log = slog.New(w.lately.Handler(next))
	return w
}

// secrets are those of the configuration, and everybody's name, badge and PIN.
func secrets(set *settings.Office, people map[string]*staff.Directory) []string {
	out := []string{set.Token, set.MQTT.Password}
	if set.Ledger.PasswordFile != "" {
		if s, err := settings.Secret(set.Ledger.PasswordFile); err == nil { // else there is nothing to hide
			out = append(out, s)
		}
	}
	for _, s := range set.Stores {
		out = append(out, string(s.Key))
	}
	all := set.Staff
	for _, d := range people {
		all = append(all[:len(all):len(all)], d.All()...)
	}
	for _, p := range all {
		out = append(out, p.PIN, p.Badge, p.Name)
	}
	return out
}

// bundle makes the support bundle and names its file.
func (w *witness) bundle(ctx context.Context) (name string, b []byte, err error) {
	now := w.clock.Now()
	folder := "baylight-office-" + now.Wall.Format("20060102-150405")
	b, err = support.Bundle(folder, now.Wall, support.NewNet(secrets(w.set, w.people)...), []support.File{
		{Name: "about.json", Value: support.About(w.version, time.Since(w.began))},
		{Name: "configuration.json", Value: toldOf(w.set)},
		{Name: "ledger.json", Value: w.ledgerState(ctx)},
		{Name: "stores.json", Value: w.storeStates(ctx)},
		{Name: "disk.json", Value: support.DiskUse(w.set.Data)},
		{Name: "clock.json", Value: map[string]any{"time": now.Wall.Format(time.RFC3339), "boot": now.Boot, "since_boot": now.Up.String(), "quality": now.Clock}},
		{Name: "metrics.txt", Text: w.scrape(ctx)},
		{Name: "log.txt", Text: w.lately.Text()},
	})
	return folder + ".tar.gz", b, err
}

// ServeHTTP hands the bundle out.
func (w *witness) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	name, b, err := w.bundle(r.Context())
	if err != nil {
		http.Error(to, err.Error(), http.StatusInternalServerError)
		return
	}
	to.Header().Set("Content-Type", "application/gzip")
	to.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	_, _ = to.Write(b) // whoever asked may have gone
}

// toldOf is what may be told of the settings, chosen value by value: of secrets
// whether there is one, of people how many.
func toldOf(set *settings.Office) map[string]any {
	stores := map[string]any{}
	for _, s := range set.Stores {
		stores[s.Name] = map[string]any{"tag": s.Tag, "zone": fmt.Sprint(s.Calendar.Zone), "bays": len(s.Bays), "menu_items": len(s.Menu), "targets": s.Targets, "person_days": s.PersonDays}
	}
	out := map[string]any{
		"stores": stores, "data": set.Data, "listen": set.HTTP.Listen, "hosts": set.HTTP.Hosts, "insecure_lan": set.HTTP.InsecureLAN,
		"broker": support.Without(set.MQTT.URL), "broker_user_set": set.MQTT.User != "", "broker_password_set": set.MQTT.Password != "", "broker_is_nats": set.MQTT.NATS,
		"token_set": set.Token != "", "staff": len(set.Staff), "postgres": support.Without(set.Ledger.Postgres), "postgres_password_set": set.Ledger.PasswordFile != "",
		"partitions": set.Ledger.Partitions, "identity": set.Identity != nil,
	}
	if id := set.Identity; id != nil {
		out["identity_listen"], out["identity_address"], out["identity_broker"] = id.Listen, id.Address, support.Without(id.Broker)
	}
	return out
}

// ledgerState is how the ledger is, and who has which store.
func (w *witness) ledgerState(ctx context.Context) map[string]any {
	out := map[string]any{"id": w.shelf.ID(), "opened": w.shelf.Opened()}
	note := func(key string, value any, err error) {
		if out[key] = value; err != nil {
			out[key] = err.Error()
		}
	}
	position, err := w.shelf.Position(ctx)
	note("position", position, err)
	if w.shelf.shared != nil {
		leases, err := w.shelf.shared.Leases(ctx)
		note("leases", leases, err)
		out["name"] = w.shelf.name
		return out
	}
	soon, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	found, err := w.shelf.sound(soon)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("not read through within %s; backofficed check does it", checkWithin)
	}
	note("integrity", found, err)
	return out
}

// storeStates are the counts of each store, its link and its boards.
func (w *witness) storeStates(ctx context.Context) map[string]any {
	out := map[string]any{"counts": w.office.Counts(), "queued": w.office.Queued(), "alarms": w.office.Alarms()}
	for _, s := range w.set.Stores {
		one := map[string]any{"answered_for": w.office.Answers(s.Name), "waiting": w.office.Waiting(s.Name).String()}
		if line := w.lines.lines[s.Name]; line != nil {
			st := line.Status()
			one["connected"], one["connections_failed"] = st.Up, st.Failures
			if st.Err != nil {
				one["last_error"] = st.Err.Error()
			}
		}
		if sources, err := w.shelf.Sources(ctx, s.Name); err != nil {
			one["sources"] = err.Error()
		} else {
			one["sources"] = sources
		}
		if kiosks, err := w.office.Kiosks(s.Name); err == nil { // the store is ours
			one["boards"] = kiosks
		}
		if forgotten, err := w.office.Erasures(s.Name); err == nil {
			one["erasures"] = len(forgotten)
		}
		if a, err := w.office.Ageing(s.Name); err == nil {
			one["ageing"] = a
		}
		out[s.Name] = one
	}
	return out
}

// scrape is what /metrics says.
func (w *witness) scrape(ctx context.Context) string {
	to := httptest.NewRecorder()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/metrics", nil)
	if err != nil {
		return err.Error()
	}
	w.metrics.ServeHTTP(to, r)
	return to.Body.String()
}

// maySupport: the manager, or the token; without a token also this machine.
func (f front) maySupport(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.set.Token != "" || !local(r) {
			if _, status, why := f.mayErase(r); status != 0 {
				http.Error(w, why, status)
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// Support gets the support bundle of the office that runs with these settings on
// this machine. If none answers it is a smaller one: without what only a running
// office knows, and with what is wrong.
func Support(ctx context.Context, set *settings.Office, version string, now clock.Clock) ([]byte, error) {
	host, port, err := net.SplitHostPort(set.HTTP.Listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/support-bundle", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the support bundle: %w", err)
	}
	if set.Token != "" {
		req.Header.Set("Authorization", "Bearer "+set.Token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return stopped(ctx, set, version, now)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxSupport))
	if err == nil && (res.StatusCode != http.StatusOK || !bytes.HasPrefix(b, []byte{0x1f, 0x8b})) {
		err = fmt.Errorf("%s at %s answers %s", "whoever listens", set.HTTP.Listen, res.Status)
	}
	if err != nil {
		return nil, fmt.Errorf("get the support bundle: %w", err)
	}
	return b, nil
}

// stopped is the bundle of an office that does not run.
func stopped(ctx context.Context, set *settings.Office, version string, now clock.Clock) ([]byte, error) {
	var found []string
	for _, err := range Check(ctx, set) {
		found = append(found, err.Error())
	}
	at := now.Now().Wall
	return support.Bundle("baylight-office-"+at.Format("20060102-150405"), at, support.NewNet(secrets(set, nil)...), []support.File{
		{Name: "about.json", Value: support.About(version, 0)},
		{Name: "configuration.json", Value: toldOf(set)},
		{Name: "disk.json", Value: support.DiskUse(set.Data)},
		{Name: "findings.txt", Text: "the back office does not run\n" + strings.Join(found, "\n") + "\n"},
	})
}
