package firstrun

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"baylight/cmd/internal/kioskapp"
	"baylight/cmd/internal/settings"
	"baylight/cmd/internal/sheets"
	"baylight/kiosk/floor"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

//go:embed web
var web embed.FS

var pages = template.Must(template.ParseFS(web, "web/*.html"))

// maxBody bounds a form.
const maxBody = 256 << 10

// Steps are the pages in order.
var Steps = []string{"store", "board", "bays", "devices", "people", "finish"}

// view is what a page is drawn from; its methods are the templates' vocabulary.
type view struct {
	Lang     words.Lang
	Step     string
	Draft    *Draft
	Machine  Machine
	Token    string // of the session, in each form
	Wrong    []words.Message
	Problems []string // of the whole configuration, in its own words
	Findings []string // what would not work at present
	Note     *note
	Refresh  int
	Have     Files
	Written  bool
	Path     string
	Files    Files
	Config   string // name of the configuration file
	Fault    words.Message
	Next     words.Message // what a person does about it
	trial    *trial
}

// note is the answer to what was just tried.
type note struct {
	Good bool
	Text string
}

// T is a text in the page's language.
func (v *view) T(key words.Key, args ...string) string { return words.Text(v.Lang, key, args...) }

// Other is the same text in the other language.
func (v *view) Other(key words.Key, args ...string) string {
	if v.Lang == words.EN {
		return words.Text(words.ZH, key, args...)
	}
	return words.Text(words.EN, key, args...)
}

// Title is what these pages are.
func (v *view) Title() string {
	if v.Fault.Key != "" {
		return v.T("setup.title.fault")
	}
	return v.T("setup.title.page")
}

// Key joins the parts of a key.
func (v *view) Key(room, name string) words.Key { return words.Key(room + "." + name) }

// In is a message in the page's language.
func (v *view) In(m words.Message) string { return m.In(v.Lang) }

// InOther is the same message in the other language.
func (v *view) InOther(m words.Message) string {
	if v.Lang == words.EN {
		return m.In(words.ZH)
	}
	return m.In(words.EN)
}

// To is a step's address in the page's language.
func (v *view) To(step string) string {
	if v.Lang == words.EN {
		return "/setup/" + step + "?lang=en"
	}
	return "/setup/" + step
}

// Switch is this page in the other language.
func (v *view) Switch() string {
	path := "/"
	if v.Step != "" {
		path = "/setup/" + v.Step
	}
	if v.Lang == words.EN {
		return path
	}
	return path + "?lang=en"
}

// Steps are all steps.
func (v *view) Steps() []string { return Steps }

// Number is a step's number from 1.
func (v *view) Number(step string) int {
	for i, s := range Steps {
		if s == step {
			return i + 1
		}
	}
	return 0
}

// Heard is what a line said.
func (v *view) Heard(l Line) heard { return v.trial.at(l.Path) }

// Places are where a scanner can be fixed.
func (v *view) Places() []string {
	all := []string{floor.Reception, floor.Desk}
	for _, b := range v.Draft.Bays {
		all = append(all, b.ID)
	}
	return all
}

// PlaceName is how people call a place.
func (v *view) PlaceName(id string) string {
	for _, b := range v.Draft.Bays {
		if b.ID == id {
			return b.Name
		}
	}
	return v.T(v.Key("screen.place", id))
}

// Roles are the roles that can be chosen.
func (v *view) Roles() []string { return Roles }

// Colours are the lamps of a tower.
func (v *view) Colours() []string { return Colours }

// Options of the drop-down lists.
func (v *view) Bauds() []int    { return []int{9600, 19200, 38400, 57600, 115200} }
func (v *view) Ends() []string  { return []string{"cr", "crlf", "lf", "tab", "stx-etx", "none", "ssi"} }
func (v *view) Beeps() []string { return []string{"none", "honeywell", "datalogic", "ssi"} }
func (v *view) Flows() []string { return []string{"none", "rtscts", "xonxoff"} }
func (v *view) Widths() []int   { return []int{80, 58} }

func (s *setup) handler() http.Handler {
	mux := http.NewServeMux()
	serveStyle(mux)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "not set up yet") })
	mux.HandleFunc("GET /{$}", s.codePage)
	mux.HandleFunc("POST /{$}", s.codeTaken)
	mux.HandleFunc("GET /setup/{step}", s.inside(s.step))
	mux.HandleFunc("POST /setup/{step}", s.inside(s.take))
	mux.HandleFunc("GET /setup/sheets/{file}", s.inside(s.sheet))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) })
	return guard(s.hosts, mux)
}

// guard checks what holds for every request.
func guard(hosts []string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cache-Control", "no-store")
		if err := staff.CheckHost(r, hosts); err != nil {
			http.Error(w, err.Error(), http.StatusMisdirectedRequest)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := staff.CheckOrigin(r); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			if err := r.ParseForm(); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func lang(r *http.Request) words.Lang {
	if r.FormValue("lang") == "en" {
		return words.EN
	}
	return words.ZH
}

func show(w http.ResponseWriter, status int, name string, v *view) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, v); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if v.Refresh > 0 {
		w.Header().Set("Refresh", fmt.Sprint(v.Refresh))
	}
	w.WriteHeader(status)
	w.Write(b.Bytes())
}

func (s *setup) codePage(w http.ResponseWriter, r *http.Request) {
	show(w, http.StatusOK, "code.html", &view{Lang: lang(r)})
}

func (s *setup) codeTaken(w http.ResponseWriter, r *http.Request) {
	token, wait, ok := s.enter(strings.ToUpper(clean(r.PostForm.Get("code"))))
	if !ok {
		v := &view{Lang: lang(r), Note: &note{Text: words.Text(lang(r), "setup.code.wrong")}}
		status := http.StatusForbidden
		if wait > 0 {
			v.Note.Text, status = words.Text(lang(r), "setup.code.wait", fmt.Sprint(int(wait/time.Second)+1)), http.StatusTooManyRequests
		}
		show(w, status, "code.html", v)
		return
	}
	staff.SetCookie(w, r, token)
	http.Redirect(w, r, (&view{Lang: lang(r)}).To(Steps[0]), http.StatusSeeOther)
}

// inside lets in who has given the code; one request at a time works on the draft.
func (s *setup) inside(next func(http.ResponseWriter, *http.Request, *view)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		session, ok := s.sessions.Get(staff.CookieToken(r))
		if !ok {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if r.Method == http.MethodPost && !session.FormOK(r.PostForm.Get("form")) {
			http.Error(w, words.Text(lang(r), "screen.refused.form"), http.StatusForbidden)
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		have, err := existing(s.o.Path)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		next(w, r, &view{Lang: lang(r), Step: r.PathValue("step"), Draft: s.draft, Machine: s.machine, Token: session.Form,
			Have: have, Written: s.written, Path: s.o.Path, Config: s.name, trial: s.trial})
	}
}

// step shows a step.
func (s *setup) step(w http.ResponseWriter, r *http.Request, v *view) {
	if v.Number(v.Step) == 0 {
		http.Redirect(w, r, v.To(Steps[0]), http.StatusSeeOther)
		return
	}
	if v.Step == "devices" && s.trial.listening() {
		v.Refresh = 2
	}
	if v.Step == "finish" && !s.written {
		s.trial.close() // what is tried is in use
		s.check(v)
	}
	show(w, http.StatusOK, v.Step+".html", v)
}

// take takes a step's form: it reads it, does what the pressed button says, and
// goes on to the next step if nothing is wrong.
func (s *setup) take(w http.ResponseWriter, r *http.Request, v *view) {
	f := &form{Values: r.PostForm}
	button := f.Get("do")
	if s.written && button != "start" {
		http.Redirect(w, r, v.To("finish"), http.StatusSeeOther)
		return
	}
	switch v.Step {
	case "store":
		s.draft.takeStore(f)
	case "board":
		s.draft.takeBoard(f)
	case "bays":
		s.draft.takeBays(f)
	case "devices":
		s.draft.takeLines(f)
	case "people":
		s.draft.takePeople(f)
	}
	v.Wrong = f.wrong
	stay := s.button(button, v)
	switch {
	case len(v.Wrong) > 0:
		show(w, http.StatusUnprocessableEntity, v.Step+".html", v)
	case v.Note != nil:
		show(w, http.StatusOK, v.Step+".html", v)
	case button == "start" && s.written:
		w.Header().Set("Refresh", "6; url=/")
		show(w, http.StatusOK, "started.html", v)
	case stay || v.Step == "finish":
		http.Redirect(w, r, v.To(v.Step), http.StatusSeeOther)
	default:
		http.Redirect(w, r, v.To(Steps[v.Number(v.Step)]), http.StatusSeeOther)
	}
}

// button does what a button says, and tells whether the page stays.
func (s *setup) button(do string, v *view) (stay bool) {
	say := func(good words.Key, err error) {
		v.Note = &note{Good: err == nil, Text: v.T(good)}
		if err != nil { // the machine's own words
			v.Note.Text = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
	}
	switch {
	case do == "addbay" && len(s.draft.Bays) < maxBays:
		s.draft.AddBay()
	case do == "addperson" && len(s.draft.People) < maxPeople:
		s.draft.People = append(s.draft.People, Person{Role: "technician"})
		v.Wrong = nil
	case do == "look":
		s.look()
	case len(v.Wrong) > 0:
	case do == "enroll":
		say("setup.enroll.good", s.enroll())
	case do == "broker":
		say("setup.broker.good", s.trial.broker(s.draft.Broker, s.identity()))
	case do == "listen":
		for _, l := range s.draft.Lines {
			if l.What != "printer" {
				if err := s.trial.listen(l); err != nil {
					say("", err)
				}
			}
		}
	case do == "print":
		out, err := s.trial.print(s.draft)
		say(words.Key("setup.printed."+out.String()), err)
	case strings.HasPrefix(do, "lamp "):
		for _, b := range s.draft.Bays {
			if b.ID == strings.TrimPrefix(do, "lamp ") {
				say("setup.lamp.good", s.trial.light(b))
			}
		}
	case do == "write":
		s.write(v)
	case do == "start" && s.written:
		s.finish()
	default:
		return false
	}
	return true
}

// look looks for devices again and keeps what was said about those still there.
func (s *setup) look() {
	s.machine = Look(s.o.Root)
	lines := NewDraft(s.machine).Lines
	for i := range lines {
		for _, old := range s.draft.Lines {
			if old.Path == lines[i].Path {
				lines[i] = old
			}
		}
	}
	s.draft.Lines = lines
}

// check tries the whole draft as the daemon would read it.
func (s *setup) check(v *view) (files Files) {
	files, err := s.draft.Render(s.name, v.Have)
	var set *settings.Kiosk
	if err == nil {
		set, err = try(files, v.Have, s.name)
	}
	if err != nil {
		v.Problems = strings.Split(err.Error(), "\n")
		return nil
	}
	v.Files = Files{s.name: files[s.name]}
	v.Findings = nil
	for _, err := range kioskapp.CheckDevices(s.trial.ctx, set) {
		v.Findings = append(v.Findings, err.Error())
	}
	return files
}

func (s *setup) write(v *view) {
	files := s.check(v)
	if files == nil {
		return
	}
	if err := write(s.o.Path, files); err != nil {
		v.Note = &note{Text: err.Error()}
		if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EROFS) {
			v.Note.Text += " · " + v.T("setup.write.denied")
		}
		return
	}
	s.written, v.Written = true, true
	s.trial.close()
	s.o.Log.Info("the first run wrote a configuration", "path", s.o.Path)
}

// sheet draws badges or action cards of what was written.
func (s *setup) sheet(w http.ResponseWriter, r *http.Request, _ *view) {
	set, err := settings.LoadKiosk(s.o.Path)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	cards := sheets.Badges(set)
	if r.PathValue("file") == "actions.pdf" {
		cards = sheets.Actions(set)
	}
	drawn, err := sheets.Draw(cards)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", "attachment; filename="+url.PathEscape(r.PathValue("file")))
	if err := sheets.WritePDF(w, drawn); err != nil {
		s.o.Log.Warn("the sheet was not taken", "error", err)
	}
}
