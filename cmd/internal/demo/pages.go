package demo

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"slices"
	"strconv"
	"time"

	"baylight/cmd/internal/demo/script"
	"baylight/device/bench"
	"baylight/device/printer"
	"baylight/device/printer/paper"
	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

//go:embed web
var web embed.FS

// site is the demo's own page: lamps as they are lit at the pins, paper as it
// would come out, the clock, and scanners to try.
type site struct {
	shop  *Shop
	count *counter
	page  *template.Template
}

func pages(s *Shop, count *counter) func(context.Context) *http.Server {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the folder is embedded: it is there
	}
	p := &site{shop: s, count: count, page: template.Must(template.New("demo.html").Funcs(template.FuncMap{"word": word}).ParseFS(files, "demo.html"))}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.index)
	mux.HandleFunc("GET /state", p.state)
	mux.HandleFunc("GET /paper/{n}", p.paper)
	mux.HandleFunc("POST /rate", p.rate)
	mux.HandleFunc("POST /scan", p.scan)
	mux.HandleFunc("POST /trick", p.trick)
	mux.HandleFunc("GET /count", p.counted)
	mux.Handle("GET /static/", http.StripPrefix("/static/", http.FileServerFS(files)))
	return func(ctx context.Context) *http.Server {
		return &http.Server{Handler: p.guard(mux), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	}
}

func word(key string) template.HTML {
	return template.HTML(template.HTMLEscapeString(words.Text(words.ZH, words.Key(key))) +
		` <small lang="en">` + template.HTMLEscapeString(words.Text(words.EN, words.Key(key))) + `</small>`)
}

// guard lets only this machine's own pages in.
func (p *site) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
		w.Header().Set("Cache-Control", "no-store")
		err := staff.CheckHost(r, nil)
		if r.Method != http.MethodGet {
			err = errors.Join(err, staff.CheckOrigin(r))
			r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

type choice struct{ Label, Code string }

func (p *site) index(w http.ResponseWriter, _ *http.Request) {
	var badges, cards []choice
	for _, x := range people() {
		badges = append(badges, choice{x.name + " " + x.id, badgeCode(x.id)})
	}
	for _, a := range kiosk.Actions() {
		cards = append(cards, choice{words.Text(words.ZH, words.Key("action."+string(a))), kiosk.ActionCode(StoreTag, a)})
	}
	var bookings []choice
	for _, g := range guests() {
		bookings = append(bookings, choice{g.purpose + " " + g.masked, g.code})
	}
	err := p.page.Execute(w, map[string]any{
		"Kiosk": "http://" + p.shop.Kiosk, "Office": "http://" + p.shop.Office, "Badges": badges, "Bookings": bookings, "Cards": cards,
		"Places": places(), "Bays": towers(), "VIN": "LSVAA4182E2184931", "PIN": PIN, "Adviser": script.Advisers()[0], "Manager": script.Manager,
	})
	if err != nil {
		p.shop.Log.Error("demo page", "error", err)
	}
}

func (p *site) state(w http.ResponseWriter, _ *http.Request) {
	now := p.shop.Clock.Now()
	type lit struct{ Colour, Words string }
	lamps := map[string]lit{}
	pins := p.shop.Pins()
	for _, t := range towers() {
		c := t.Decode(pins).Colour.String()
		lamps[t.Name] = lit{c, words.Text(words.ZH, words.Key("screen.lamp."+c)) + " " + words.Text(words.EN, words.Key("screen.lamp."+c))}
	}
	writeJSON(w, map[string]any{"now": now.Wall.Format("2006-01-02 15:04:05"), "lamps": lamps, "tickets": p.shop.printer.Cut()})
}

// paper draws one of the last tickets; 0 is the newest.
func (p *site) paper(w http.ResponseWriter, r *http.Request) {
	tickets := p.shop.printer.Tickets()
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 0 || n >= len(tickets) {
		http.Error(w, "no such ticket", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	if err := paper.WritePNG(w, tickets[len(tickets)-1-n], printer.Width80); err != nil {
		p.shop.Log.Error("draw a ticket", "error", err)
	}
}

func (p *site) rate(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.FormValue("rate"))
	if err != nil || !slices.Contains([]int{0, 1, 60}, n) {
		http.Error(w, "rate is 0, 1 or 60", http.StatusBadRequest)
		return
	}
	if err := p.shop.Rate(n); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]int{"rate": n})
}

// scan sends what a visitor of the demo scans and tells how it beeped.
func (p *site) scan(w http.ResponseWriter, r *http.Request) {
	sc := p.shop.Scanner(r.FormValue("place"))
	text := r.FormValue("text")
	if sc == nil || text == "" || len(text) > 4000 {
		http.Error(w, "place or text is missing", http.StatusBadRequest)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
	defer cancel()
	times := 1
	if r.FormValue("twice") != "" {
		times = 2 // the trigger bounced
	}
	ack := bench.AckNone
	for range times {
		d, err := p.shop.scanned(r.FormValue("place"), text), error(nil)
		if ack, err = sc.Scan(ctx, text); err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusGatewayTimeout)
			return
		}
		if ack == bench.AckGood { // the low beep promises nothing
			p.count.acknowledged(p.shop.done(d))
		}
	}
	key := words.Key("demo.beep.good")
	if ack != bench.AckGood {
		key = "demo.beep.bad"
	}
	writeJSON(w, map[string]any{"good": ack == bench.AckGood, "text": words.Text(words.ZH, key) + " · " + words.Text(words.EN, key)})
}

// trick plays a trick on the shop.
func (p *site) trick(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	what := r.FormValue("what")
	if err := p.shop.Trick(ctx, what); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := map[string]any{"good": true}
	if what == CloneCard {
		key := words.Key("demo.card.back")
		if p.shop.Copied() {
			key = "demo.card.copied"
		}
		answer["text"] = words.Text(words.ZH, key) + " · " + words.Text(words.EN, key)
	}
	writeJSON(w, answer)
}

// counted is what the independent counter says at present.
func (p *site) counted(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	n, err := p.count.look(ctx, p.shop)
	if err != nil {
		http.Error(w, "the kiosk or the back office does not answer", http.StatusServiceUnavailable)
		return
	}
	n.Broker, n.Copied = p.shop.BrokerRuns(), p.shop.Copied()
	writeJSON(w, n)
}

func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the browser may have gone
}
