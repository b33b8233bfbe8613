package floor

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"baylight/kiosk"
	"baylight/kiosk/staff"
	"baylight/kiosk/words"
)

var shanghai = time.FixedZone("CST", 8*3600)

// badgeOf is the badge of a person of the test shop.
func badgeOf(id string) string { return "0A7A0000" + strings.ToUpper(id) }

func testConfig() Config {
	people := []staff.Person{
		{ID: "t1", Name: "张", Roles: []staff.Role{staff.Technician}},
		{ID: "t2", Roles: []staff.Role{staff.Technician}},
		{ID: "d1", Roles: []staff.Role{staff.Technician, staff.Inspector}},
		{ID: "q1", Roles: []staff.Role{staff.Inspector}},
		{ID: "s1", Roles: []staff.Role{staff.Supervisor}},
		{ID: "st", Roles: []staff.Role{staff.Supervisor, staff.Technician}},
		{ID: "a1", Roles: []staff.Role{staff.Adviser}},
		{ID: "m1", Roles: []staff.Role{staff.Manager, staff.Adviser}},
	}
	for i := range people {
		people[i].Badge = badgeOf(people[i].ID)
	}
	return Config{
		Store: "sh-pudong", Board: "k1", StoreTag: "0A7", Letter: 'A', Key: []byte("test key"),
		Calendar: kiosk.ShanghaiWeek(shanghai),
		Bays:     []Bay{{ID: "b1", Name: "工位1"}, {ID: "b2", Name: "工位2"}, {ID: "b3", Name: "工位3"}, {ID: "w1", Name: "洗车", Wash: true}},
		Scanners: map[string]string{"sb1": "b1", "sb2": "b2", "sb3": "b3", "sw1": "w1", "srec": Reception, "sdesk": Desk},
		Staff:    staff.NewDirectory(people),
	}
}

// morning is a Saturday at nine; the store closes at 18:00, so shifts end at 20:00.
var morning = kiosk.Moment{Wall: time.Date(2026, 11, 21, 9, 0, 0, 0, shanghai), Boot: "boot-1", Up: time.Hour, Clock: kiosk.Synced}

// shopTest plays scripts: one input a line, what came of it behind the bar.
//
//	+10m FINISH@b1 | job.finished A001 b1 t1
type shopTest struct {
	t      testing.TB
	s      *State
	now    kiosk.Moment
	n      int
	events []kiosk.Event
	last   Reply
}

func newShop(t testing.TB) *shopTest {
	return &shopTest{t: t, s: New(testConfig(), "epoch"), now: morning}
}

func (h *shopTest) step(in Input) []kiosk.Event {
	ev, r := h.s.Step(in, h.now)
	h.events = append(h.events, ev...)
	h.last = r
	return ev
}

func (h *shopTest) id() string {
	h.n++
	return fmt.Sprintf("id-%d", h.n)
}

// visit is a visit id by ticket number; "X…" are visits of another board, "N…"
// ids of this board that it has never seen.
func (h *shopTest) visit(name string) string {
	switch name[0] {
	case 'X':
		return "0A7B9A" + fmt.Sprintf("%04s", name[1:])
	case 'N':
		return "0A7A9A" + fmt.Sprintf("%04s", name[1:])
	}
	v, ok := h.s.FindTicket(name)
	if !ok {
		h.t.Fatalf("no visit has the ticket %s", name)
	}
	return v.ID
}

func (h *shopTest) code(word string) string {
	names := map[string]kiosk.Action{"FINISH": kiosk.Finish, "PARTS": kiosk.PauseParts, "AUTHORITY": kiosk.PauseAuthority,
		"BREAK": kiosk.PauseBreak, "HELP": kiosk.Help, "UNDO": kiosk.Undo, "PASS": kiosk.PassCard, "FAIL": kiosk.FailCard,
		"WASHED": kiosk.Washed, "PARALLEL": kiosk.Parallel}
	if a, ok := names[word]; ok {
		return kiosk.ActionCode("0A7", a)
	}
	kind, rest, _ := strings.Cut(word, ":")
	switch kind {
	case "badge":
		return kiosk.MakeCode(kiosk.KindBadge, badgeOf(rest))
	case "card":
		ticket, item, _ := strings.Cut(rest, "/")
		if item != "" {
			c, _ := kiosk.ItemCode(h.visit(ticket), int(item[0]-'0'))
			return c
		}
		return kiosk.MakeCode(kiosk.KindVisit, h.visit(ticket))
	}
	return word
}

// input reads one line's input: a scan CODE@PLACE or a screen action.
func (h *shopTest) input(f []string) Input {
	if code, place, ok := strings.Cut(f[0], "@"); ok {
		return Scan{ID: h.id(), Scanner: "s" + strings.Replace(place, "reception", "rec", 1), Text: h.code(code), Symbology: "code128"}
	}
	arg := func(i int) string {
		if i < len(f) {
			return f[i]
		}
		return ""
	}
	id := h.id()
	items := []kiosk.Item{{Code: "oil", Category: kiosk.Maintenance, Payer: "customer", StandardMinutes: 60},
		{Code: "brake", Category: kiosk.Minor, Payer: "customer", StandardMinutes: 30}}
	ahead := func(s string) time.Time {
		if s == "" {
			return time.Time{}
		}
		d, err := time.ParseDuration(s)
		if err != nil {
			h.t.Fatal(err)
		}
		return h.now.Wall.Add(d)
	}
	switch f[0] {
	case "in":
		return CheckIn{ID: id, Plate: arg(1), VIN: arg(2)}
	case "accept":
		return Accept{id, arg(2), h.visit(arg(1))}
	case "sign":
		return Sign{id, arg(2), h.visit(arg(1)), items, ahead(arg(3))}
	case "add":
		return AddItems{id, arg(2), h.visit(arg(1)), items[:1], "phone"}
	case "revise":
		return Revise{id, arg(2), h.visit(arg(1)), ahead(arg(3)), "parts", true, "phone"}
	case "cancel":
		return CancelOrder{id, arg(2), h.visit(arg(1)), "customer"}
	case "close":
		return Close{id, arg(2), h.visit(arg(1)), "left", ""}
	case "call":
		return Call{id, arg(2), h.visit(arg(1)), arg(3)}
	case "deliver":
		return Deliver{id, arg(2), h.visit(arg(1))}
	case "pickup":
		return Pickup{id, h.visit(arg(1))}
	case "clear":
		return ClearHelp{id, arg(2), arg(1)}
	case "help":
		return CallHelp{id, arg(2), arg(1)}
	case "stated":
		return StateFinish{ID: id, Visit: h.visit(arg(1)), Technician: arg(2), By: arg(3), At: ahead(arg(4)), Reason: "forgotten"}
	}
	h.t.Fatalf("the script says %q", f)
	return nil
}

func (h *shopTest) play(script string) {
	h.t.Helper()
	for _, line := range strings.Split(strings.TrimSpace(script), "\n") {
		said, want, _ := strings.Cut(line, "|")
		f := strings.Fields(said)
		if len(f) == 0 {
			continue
		}
		d := 5 * time.Second
		if f[0][0] == '+' {
			d, _ = time.ParseDuration(f[0][1:])
			f = f[1:]
		}
		h.now = h.now.Add(d)
		got := ""
		if f[0] == "bay" {
			got = h.bay(f[1])
		} else {
			got = h.render(h.step(h.input(f)))
		}
		if got != strings.Join(strings.Fields(want), " ") {
			h.t.Errorf("%s\n got  %s\n want %s", strings.TrimSpace(said), got, strings.TrimSpace(want))
		}
	}
}

// bay is a bay's state, visit, technicians and badge in a line.
func (h *shopTest) bay(id string) string {
	for _, b := range h.s.Bays(h.now) {
		if b.Bay.ID == id {
			out := string(b.State)
			if b.Visit != "" {
				out += " " + h.s.name(b.Visit)
			}
			for _, w := range b.Technicians {
				out += " " + w
			}
			if b.Badge != "" {
				out += " badge:" + b.Badge
			}
			if b.Warn {
				out += " warn"
			}
			return out
		}
	}
	return "no bay"
}

// render writes events as the scripts do; what was refused shows its message key.
func (h *shopTest) render(events []kiosk.Event) string {
	if len(events) == 0 {
		return "- " + strings.TrimPrefix(string(h.last.Message.Key), "floor.")
	}
	var out []string
	for _, e := range events {
		b, err := json.Marshal(e.Data)
		if err != nil {
			h.t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			h.t.Fatal(err)
		}
		s := string(e.Type())
		for _, k := range []string{"visit", "bay", "technician", "person", "inspector", "adviser", "item", "action", "place", "document", "event", "reason", "parallel", "flags", "fields"} {
			switch v := m[k].(type) {
			case nil:
			case string:
				switch {
				case v == "":
				case k == "visit":
					s += " " + h.s.name(v)
				case k == "event":
					for _, o := range h.events {
						if o.ID() == v {
							s += " " + string(o.Type())
						}
					}
				case k == "document":
					s += " " + strings.ReplaceAll(v, fmt.Sprint(m["visit"]), h.s.name(fmt.Sprint(m["visit"])))
				default:
					s += " " + v
				}
			case float64:
				s += fmt.Sprintf(" /%v", v)
			case bool:
				s += " " + k
			case map[string]any:
				for _, f := range []string{"technician", "inspector", "by"} {
					if x, ok := v[f]; ok {
						s += fmt.Sprintf(" %s=%v", f, x)
					}
				}
				s += fmt.Sprint(" flags=", v["flags"])
			case []any:
				fs := fmt.Sprint(v)
				s += " " + strings.ReplaceAll(fs, " ", ",")
			}
		}
		out = append(out, s)
	}
	return strings.Join(out, "; ")
}

// opened is a shop with n visits checked in, A001 …, with orders.
func opened(t testing.TB, n int) *shopTest {
	h := newShop(t)
	for i := range n {
		h.play(fmt.Sprintf(`
			in 粤B1234%d          | visit.checked_in A%03d
			accept A%03d a1       | visit.accepted A%03d a1
			sign A%03d a1 4h      | order.signed A%03d a1`, i, i+1, i+1, i+1, i+1, i+1))
	}
	return h
}

func hasKey(m words.Message) bool { _, ok := words.All()[m.Key]; return ok }

func TestScriptsAreRead(t *testing.T) {
	h := opened(t, 1)
	if got := h.visit("A001"); len(got) != 10 || !slices.ContainsFunc(h.s.Open(h.now), func(v *kiosk.Visit) bool { return v.ID == got }) {
		t.Fatalf("A001 is %q, not among the open visits", got)
	}
}
