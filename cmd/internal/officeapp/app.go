// Package officeapp puts one back office together: settings in, running parts
// out. The daemon and the demo use the same wiring; they differ in the clock.
//
//	settings ─▶ ledger, office (ingest, receipts), a link per store, dashboard
package officeapp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/task"
	"baylight/kiosk"
	"baylight/kiosk/clock"
	"baylight/kiosk/staff"
	"baylight/sync/backoffice"
	"baylight/sync/backoffice/audit"
	"baylight/sync/backoffice/dashboard"
	"baylight/sync/backoffice/erasure"
	"baylight/sync/backoffice/figures"
	"baylight/sync/backoffice/metrics"
	"baylight/sync/backoffice/outlook"
)

// Options are what differs between the daemon and the demo.
type Options struct {
	Settings *settings.Office
	Version  string
	Log      *slog.Logger
	Clock    clock.Clock
	Ready    func() // called once when everything runs

	ReconnectMin, ReconnectMax time.Duration // 0: those of a store
}

// LedgerPath is where a back office keeps its ledger.
func LedgerPath(s *settings.Office) string { return filepath.Join(s.Data, "ledger.db") }

// errRenewed says what was done about backoffice.ErrOlder.
var errRenewed = errors.New("the ledger has got a new id; start the back office again, and the boards send what it lacks")

// Run puts the back office together and runs it until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	set := o.Settings
	seer := witnessOf(&o)
	if err := os.MkdirAll(set.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	listener, err := net.Listen("tcp", set.HTTP.Listen)
	if err != nil {
		return fmt.Errorf("open %s for pages: %w", set.HTTP.Listen, err)
	}
	defer listener.Close()
	book, err := openShelf(ctx, set)
	if err != nil {
		return err
	}
	defer func() {
		older := errors.Is(err, backoffice.ErrOlder)
		err = errors.Join(err, book.close())
		if older { // the next start is that of a restored ledger
			err = errors.Join(err, book.renew(context.WithoutCancel(ctx)), errRenewed)
		}
	}()
	if err := book.takeOver(ctx, set, o.Log); err != nil {
		return err
	}
	now := func() time.Time { return o.Clock.Now().Wall }
	people := directories(set)
	shops := stores(set, people)
	var office *backoffice.Office // asked once everything runs
	lines := &connections{o: o, shelf: book, lines: map[string]*storeLine{}, books: bookings{}, rolls: rosters{}}
	told, err := figures.New(figures.Config{Ledger: book.Ledger, Stores: shops, Now: now, Log: o.Log,
		Ours: func(store string) bool { return office.Answers(store) },
		CalendarAt: func(ctx context.Context, store string, position uint64) (kiosk.Calendar, error) {
			return office.CalendarAt(ctx, store, position)
		}})
	if err != nil {
		return err
	}
	ahead, err := outlook.New(outlook.Config{History: told, Stores: shops, Now: now, Log: o.Log,
		Ours: func(store string) bool { return office.Answers(store) }})
	if err != nil {
		return err
	}
	seer.shelf, seer.people, seer.lines = book, people, lines
	seen := audit.New(book, book.name, time.Now)
	forgotten, err := erasure.Open(filepath.Join(set.Data, "erasures"))
	if err != nil {
		return err
	}
	office, err = backoffice.New(backoffice.Config{Erasures: forgotten, Forgotten: func(ctx context.Context, store string) error {
		if book := lines.books[store]; book != nil {
			return book.Refresh(ctx)
		}
		return nil
	}, Stores: shops, Ledger: book.Ledger, Leased: book.shared != nil, Now: now, Log: o.Log, Risks: ahead.Shown,
		Aged:   aged(seen),
		Synced: func() bool { return o.Clock.Now().Clock == kiosk.Synced }})
	if err != nil {
		return err
	}
	seer.office = office
	tasks := []task.Task{office}
	door := staff.NewDoor(func() *staff.Directory { return people[set.Stores[0].Name] }, set.Stores[0].Key, time.Now)
	books, rolls := lines.books, lines.rolls
	lines.office = office
	enrolment, err := lines.identify(ctx)
	if err != nil {
		return err
	}
	tasks = append(tasks, enrolment...)
	for _, s := range set.Stores {
		l, links, err := lines.open(s.Name)
		if err != nil {
			return err
		}
		days, err := books.open(ctx, book, s, l, o)
		if err != nil {
			return err
		}
		roll, err := rolls.open(ctx, lines, people[s.Name], s, l, door)
		if err != nil {
			return err
		}
		tasks = append(append(tasks, links...), days, roll)
	}
	leases, err := lines.join(ctx)
	if err != nil {
		return err
	}
	tasks = append(tasks, leases...)
	well := &doctor{witness: seer, backups: backups, commit: probe(book, now)}
	seer.metrics = metrics.Handler(metrics.Config{Office: office, Calibrated: calibrated(ahead), Version: o.Version, Log: o.Log, Reasons: well.reasons})
	web, err := dashboard.New(dashboard.Config{
		Office: office, Data: told, Token: set.Token, Hosts: set.HTTP.Hosts, InsecureLAN: set.HTTP.InsecureLAN, Log: o.Log, Door: door,
		Audit: seen, Bookings: books.importer, Staff: rolls.page, Risk: risks(ahead), Outlook: ahead.Report,
		Metrics: seer.metrics,
	})
	if err != nil {
		return err
	}
	tasks = append(tasks, told, ahead)
	f := front{set: set, door: door}
	if err := f.fill(office, told, books, rolls, seen, o.Log); err != nil {
		return err
	}
	f.routes["GET /healthz"] = well
	f.routes["GET /support-bundle"] = f.maySupport(seer)
	web = f.before(web)
	tasks = append(tasks, &task.Web{Name: "dashboard", Listener: listener, Log: o.Log, Handler: func(ctx context.Context) *http.Server {
		return task.Server(ctx, web)
	}})
	// An empty batch goes the way of every event, and comes back once it is free.
	dog, ok := task.Watchdog(o.Log, probe(book, now))
	if ok {
		tasks = append(tasks, dog)
	}
	// A ledger that was restored serves nobody before it has forgotten again whom
	// it was told to forget.
	if err := office.SettleErasures(ctx); err != nil {
		return err
	}
	return task.Run(ctx, o.Log, o.Ready, tasks...)
}

// aged writes down what went by its age.
func aged(log *audit.Log) func(store string, before time.Time, removed, held int) error {
	return func(store string, before time.Time, removed, held int) error {
		return log.Add(audit.Entry{What: audit.Aged, Who: "retention", Store: store,
			Detail: fmt.Sprintf("%d person parts of visits that ended before %s; %d as old ones stay, their visits are open", removed, before.Format(time.DateOnly), held)})
	}
}

// directories are the people of each store; rosters keep them at who works there.
func directories(set *settings.Office) map[string]*staff.Directory {
	out := map[string]*staff.Directory{}
	for _, s := range set.Stores {
		out[s.Name] = staff.NewDirectory(set.Staff)
	}
	return out
}

func stores(set *settings.Office, people map[string]*staff.Directory) (out []backoffice.Store) {
	for _, s := range set.Stores {
		one := backoffice.Store{Name: s.Name, Title: s.Title, Key: s.Key, Calendar: s.Calendar, Staff: people[s.Name], PersonDays: s.PersonDays, BayNames: map[string]string{}}
		for _, b := range s.Bays {
			one.Bays = append(one.Bays, b.ID)
			one.BayNames[b.ID] = b.Name
		}
		out = append(out, one)
	}
	return out
}
