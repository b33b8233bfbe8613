package staff

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"baylight/kiosk"
)

var pepper = []byte("the store's key")

// clock is a clock that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const badge = "SHP0001234"

// cheap is a verifier that takes little time and memory, for tests that sign in often.
func cheap(pin string) string {
	v := verifier{memory: 64, time: 1, lanes: 1, salt: []byte("salt for tests")}
	v.hash = v.derive(pepper, pin, 32)
	return v.String()
}

func door(t *testing.T, c *clock) (*Door, *[]Person) {
	t.Helper()
	people := []Person{
		{ID: "a01", Badge: badge, Roles: []Role{Adviser}, PIN: cheap("2468")},
		{ID: "t07", Roles: []Role{Technician}},
	}
	d := NewDoor(func() *Directory { return NewDirectory(people) }, pepper, c.now)
	d.dummy = cheap("000000") // the worst case: the PIN is even right
	return d, &people
}

func TestSignIn(t *testing.T) {
	d, _ := door(t, newClock())
	for i, c := range []struct {
		who, pin string
		want     error
	}{
		{"a01", "2468", nil},
		{" A01 ", "2468", nil},
		{kiosk.MakeCode(kiosk.KindBadge, badge), "2468", nil},
		{strings.ToLower(kiosk.MakeCode(kiosk.KindBadge, badge)), "2468", nil},
		{"a01", "2469", ErrRefused},
		{"a01", "", ErrRefused},
		{"a01", strings.Repeat("2468", 1000), ErrRefused},
		{kiosk.MakeCode(kiosk.KindVisit, badge), "2468", ErrRefused},
		{"t07", "", ErrRefused},       // has no PIN
		{"t07", "000000", ErrRefused}, // nor the dummy's
		{"nobody", "000000", ErrRefused},
		{"", "", ErrRefused},
		{strings.Repeat("x", 1<<16), "2468", ErrRefused},
	} {
		// Each from an address of its own: the limits have their own test.
		token, s, err := d.SignIn(t.Context(), c.who, c.pin, fmt.Sprint("10.0.0.", i))
		if !errors.Is(err, c.want) {
			t.Errorf("SignIn(%.20q, %.10q): %v, want %v", c.who, c.pin, err, c.want)
			continue
		}
		if err != nil {
			if token != "" {
				t.Errorf("SignIn(%.20q): a token although %v", c.who, err)
			}
			continue
		}
		p, again, ok := d.Who(token)
		if !ok || p.ID != "a01" || again.Form != s.Form {
			t.Errorf("Who after SignIn(%q): %v %v", c.who, p.ID, ok)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	c := newClock()
	d, people := door(t, c)
	in := func() string {
		t.Helper()
		token, _, err := d.SignIn(t.Context(), "a01", "2468", "10.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	out := func(why, token string) {
		t.Helper()
		if _, _, ok := d.Who(token); ok {
			t.Errorf("still signed in after %s", why)
		}
	}
	tok := in()
	c.add(Idle)
	out("30 idle minutes", tok)

	tok = in()
	for range 24 { // in use all the time
		c.add(Idle - time.Second)
		if _, _, ok := d.Who(tok); !ok {
			break
		}
	}
	c.add(Idle - time.Second)
	out("12 hours of use", tok)

	tok = in()
	c.add(Idle - time.Second)
	if _, _, ok := d.Who(tok); !ok {
		t.Error("signed out before the idle time was over")
	}
	d.SignOut(tok)
	out("signing out", tok)

	tok, other := in(), in()
	d.SignOutPerson("a01")
	out("the person's sessions were ended", tok)
	out("the person's sessions were ended", other)

	tok = in()
	*people = nil
	out("the person left", tok)
}

// A token that was put into a browser before signing in is worth nothing
// afterwards, and every sign-in makes a new one.
func TestSessionFixation(t *testing.T) {
	d, _ := door(t, newClock())
	planted := "planted-token"
	token, s, err := d.SignIn(t.Context(), "a01", "2468", "10.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	token2, s2, _ := d.SignIn(t.Context(), "a01", "2468", "10.0.0.1")
	if token == planted || token == token2 || s.Form == s2.Form {
		t.Error("a token or a form secret was used twice")
	}
	for _, bad := range []string{planted, "", token[:42], token + "A", strings.Repeat("A", 1<<16)} {
		if _, _, ok := d.Who(bad); ok {
			t.Errorf("signed in with %.20q", bad)
		}
	}
	if !s.FormOK(s.Form) || s.FormOK(s2.Form) || s.FormOK("") || (Session{}).FormOK("") {
		t.Error("form secret: accepted another's or none, or refused its own")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	c := newClock()
	s := NewSessions(c.now)
	first, _ := s.Start("a01")
	second, _ := s.Start("a02")
	for range maxSessions - 2 {
		c.add(time.Millisecond)
		s.Start("b")
	}
	s.Get(first) // used, so that the second is the stalest
	s.Start("c")
	if _, ok := s.Get(first); !ok {
		t.Error("a session in use was dropped")
	}
	if _, ok := s.Get(second); ok || len(s.all) != maxSessions {
		t.Errorf("%d sessions, at most %d are kept", len(s.all), maxSessions)
	}
}

func TestBruteForce(t *testing.T) {
	c := newClock()
	d, _ := door(t, c)
	try := func(who, pin, from string) error {
		_, _, err := d.SignIn(t.Context(), who, pin, from)
		return err
	}
	// From ever new addresses: the badge is locked.
	for i := range Failures {
		if err := try("a01", "0000", fmt.Sprint("10.0.1.", i)); !errors.Is(err, ErrRefused) {
			t.Fatalf("failure %d: %v", i+1, err)
		}
	}
	locked := func(want time.Duration, err error) {
		t.Helper()
		var l *LockedError
		if !errors.As(err, &l) || l.Wait != want {
			t.Fatalf("%v, want to be locked for %s", err, want)
		}
	}
	locked(FirstLock, try("a01", "2468", "10.0.2.1")) // even with the right PIN
	for n := range 9 {                                // longer and longer, by id or by badge code
		c.add(min(FirstLock<<n, LongestLock))
		if err := try(kiosk.MakeCode(kiosk.KindBadge, badge), "0000", fmt.Sprint("10.0.3.", n)); !errors.Is(err, ErrRefused) {
			t.Fatalf("after lock %d: %v", n, err)
		}
		locked(min(FirstLock<<(n+1), LongestLock), try("a01", "2468", "10.0.2.1"))
	}
	c.add(LongestLock)
	if err := try("a01", "2468", "10.0.2.1"); err != nil {
		t.Fatalf("right PIN after the lock: %v", err)
	}
	if err := try("a01", "0000", "10.0.2.1"); !errors.Is(err, ErrRefused) {
		t.Fatalf("a good sign-in did not forgive the badge: %v", err)
	}
	// From one address over many names: the address is locked, and good PINs in
	// between do not free it.
	for i := range AddressFailures {
		if err := try("a01", "2468", "10.9.9.9"); err != nil {
			t.Fatalf("good PIN %d: %v", i, err)
		}
		if err := try(fmt.Sprint("x", i), "1111", "10.9.9.9"); !errors.Is(err, ErrRefused) {
			t.Fatalf("guess %d: %v", i, err)
		}
	}
	locked(FirstLock, try("t07", "1111", "10.9.9.9"))
	for i := range 10 {
		c.add(AddressLock)
		if err := try(fmt.Sprint("y", i), "1111", "10.9.9.9"); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	var l *LockedError
	if err := try("t07", "1111", "10.9.9.9"); !errors.As(err, &l) || l.Wait > AddressLock {
		t.Errorf("an address is locked by %v, at most %s", err, AddressLock)
	}
}

// Whoever is at their usual counter gets in, whatever others do there and
// elsewhere; and what they do themselves counts.
func TestUsualPlace(t *testing.T) {
	c := newClock()
	d, people := door(t, c)
	*people = append(*people, Person{ID: "a02", Roles: []Role{Adviser}, PIN: cheap("1357")})
	try := func(who, pin, from string) error {
		_, _, err := d.SignIn(t.Context(), who, pin, from)
		return err
	}
	const counter = "10.0.0.5"
	if err := try("a01", "2468", counter); err != nil {
		t.Fatal(err)
	}
	for i := range 4 * AddressFailures {
		for _, guess := range []error{try("a02", "0000", counter), try(fmt.Sprint("x", i), "0000", counter), try("a01", "0000", fmt.Sprint("10.0.1.", i))} {
			if guess == nil {
				t.Fatal("a guess was good")
			}
		}
		if err := try("a01", "2468", counter); err != nil {
			t.Fatalf("after %d guesses of others: %v", i, err)
		}
	}
	var l *LockedError
	if err := try("a01", "2468", "10.0.7.7"); !errors.As(err, &l) {
		t.Errorf("good sign-ins at the counter forgave what was guessed elsewhere: %v", err)
	}
	if err := try("a02", "1357", counter); !errors.As(err, &l) {
		t.Errorf("%v, want a02 to be locked here", err)
	}
	for range Failures {
		if err := try("a01", "0000", counter); !errors.Is(err, ErrRefused) {
			t.Fatal(err)
		}
	}
	if err := try("a01", "2468", counter); !errors.As(err, &l) {
		t.Errorf("at the usual place guesses are free: %v", err)
	}
	c.add(Usual)
	if d.usual.knows("who a01 from " + counter) {
		t.Error("a place is usual for ever")
	}
}

// A lock says nothing of whether somebody of that name exists.
func TestLocksTellNobody(t *testing.T) {
	d, _ := door(t, newClock())
	for i := range Failures + 2 {
		_, _, there := d.SignIn(t.Context(), "a01", "0000", fmt.Sprint("10.1.0.", i))
		_, _, nobody := d.SignIn(t.Context(), "zz9", "0000", fmt.Sprint("10.1.0.", i))
		_, _, other := d.SignIn(t.Context(), fmt.Sprint("yy", i), "0000", fmt.Sprint("10.2.0.", i))
		if fmt.Sprint(there) != fmt.Sprint(nobody) || !errors.Is(other, ErrRefused) {
			t.Errorf("attempt %d: %v for who is there, %v for nobody, %v for another name", i, there, nobody, other)
		}
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{"10.0.0.5": "10.0.0.5", "::ffff:10.0.0.5": "::ffff:10.0.0.5", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::7": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "::1": "::/64", "@": "@", "": ""} {
		if got := Network(in); got != want {
			t.Errorf("%q counts as %q, want %q", in, got, want)
		}
	}
}

func TestPlacesAreBounded(t *testing.T) {
	c := newClock()
	p := newPlaces(c.now)
	for i := range maxKeys + 10 {
		c.add(time.Second)
		p.remember(fmt.Sprint(i))
	}
	if len(p.all) != maxKeys || p.knows("0") || !p.knows(fmt.Sprint(maxKeys+9)) {
		t.Errorf("%d places are kept, at most %d are", len(p.all), maxKeys)
	}
}

// Attempts made at the same moment are counted before they are judged.
func TestConcurrentGuesses(t *testing.T) {
	l := NewLimits(newClock().now)
	var mu sync.Mutex
	let := 0
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			if l.Take("who a01") == 0 {
				mu.Lock()
				let++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if let != Failures {
		t.Errorf("%d of 100 guesses were let through, want %d", let, Failures)
	}
}

func TestLimitsAreBounded(t *testing.T) {
	c := newClock()
	l := NewLimits(c.now)
	for i := range maxKeys + 100 {
		c.add(time.Second)
		l.Take(fmt.Sprint(i))
	}
	if len(l.keys) != maxKeys {
		t.Errorf("%d keys are kept, at most %d are allowed", len(l.keys), maxKeys)
	}
	if _, ok := l.keys["0"]; ok {
		t.Error("the oldest key was kept")
	}
	c.add(Forget + time.Hour)
	for range Failures {
		if l.Take("4000") != 0 {
			t.Fatal("an old failure was not forgotten")
		}
	}
}

func TestSignInGivesWay(t *testing.T) {
	d, _ := door(t, newClock())
	d.desks <- struct{}{}
	d.desks <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := d.SignIn(ctx, "a01", "2468", "10.0.0.1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller who left: %v", err)
	}
}

func TestVerifier(t *testing.T) {
	a, err := HashPIN(pepper, "13579")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := HashPIN(pepper, "13579")
	if v, err := parseVerifier(nobody()); err != nil || v.memory != argonMemory || v.time != argonTime || len(v.hash) != argonHash {
		t.Errorf("nobody's verifier is not like the others: %+v, %v", v, err)
	}
	if a == b || !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("verifiers %s and %s", a, b)
	}
	for _, c := range []struct {
		pepper, pin string
		want        bool
	}{{string(pepper), "13579", true}, {string(pepper), "13578", false}, {"another key", "13579", false}, {string(pepper), "1357a", false}} {
		if got, err := CheckPIN([]byte(c.pepper), a, c.pin); got != c.want || err != nil {
			t.Errorf("CheckPIN(%q, %q) = %v, %v", c.pepper, c.pin, got, err)
		}
	}
	for _, pin := range []string{"", "123", "1234567890123", "12 4", "１２３４"} {
		if _, err := HashPIN(pepper, pin); !errors.Is(err, ErrPINForm) {
			t.Errorf("HashPIN(%q): %v", pin, err)
		}
	}
	for _, bad := range []string{"", "$", "13579", strings.Replace(a, "argon2id", "argon2i", 1), strings.Replace(a, "m=19456", "m=4000000", 1),
		strings.Replace(a, "t=2", "t=0", 1), strings.Replace(a, "p=1", "p=200", 1), a[:len(a)-40], a + "$x", a + strings.Repeat("A", 300)} {
		if ok, err := CheckPIN(pepper, bad, "13579"); ok || err == nil {
			t.Errorf("CheckPIN with verifier %.60q: %v, %v", bad, ok, err)
		}
	}
}

func FuzzParseVerifier(f *testing.F) {
	a, _ := HashPIN(pepper, "13579")
	f.Add(a)
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := parseVerifier(s)
		if err == nil && (v.memory > maxMemory || v.time > maxTime || v.lanes > maxLanes || v.lanes == 0 || len(v.hash) < 16) {
			t.Errorf("accepted %q: %+v", s, v)
		}
	})
}

func TestCookie(t *testing.T) {
	d, _ := door(t, newClock())
	token, _, _ := d.SignIn(t.Context(), "a01", "2468", "10.0.0.1")
	for _, url := range []string{"http://localhost/", "https://localhost/"} {
		r := httptest.NewRequest("POST", url, nil)
		w := httptest.NewRecorder()
		SetCookie(w, r, token)
		line := w.Header().Get("Set-Cookie")
		for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
			if !strings.Contains(line, want) {
				t.Errorf("%s: cookie %q lacks %s", url, line, want)
			}
		}
		if secure := strings.HasPrefix(url, "https"); strings.Contains(line, "Secure") != secure || strings.HasPrefix(line, "__Host-") != secure {
			t.Errorf("%s: cookie %q", url, line)
		}
		r.AddCookie(w.Result().Cookies()[0])
		if got := CookieToken(r); got != token {
			t.Errorf("%s: token %q came back", url, got)
		}
		w = httptest.NewRecorder()
		ClearCookie(w, r)
		if line := w.Header().Get("Set-Cookie"); !strings.Contains(line, "Max-Age=0") {
			t.Errorf("%s: clearing says %q", url, line)
		}
	}
}

func TestCheckHost(t *testing.T) {
	hosts := []string{"kiosk1.local", "192.168.7.20"}
	for host, ok := range map[string]bool{
		"localhost": true, "localhost:8080": true, "127.0.0.1:80": true, "[::1]:8080": true, "kiosk1.local:8080": true,
		"KIOSK1.local": true, "192.168.7.20": true, "evil.example": false, "192.168.7.21": false, "": false, "localhost.evil.example": false, "127.0.0.1.nip.io": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		if err := CheckHost(r, hosts); (err == nil) != ok || err != nil && !errors.Is(err, ErrHost) {
			t.Errorf("host %q: %v", host, err)
		}
	}
}

func TestCheckOrigin(t *testing.T) {
	for _, c := range []struct {
		site, origin string
		ok           bool
	}{
		{"", "", true},
		{"same-origin", "", true},
		{"same-origin", "http://kiosk1.local:8080", true},
		{"", "http://kiosk1.local:8080", true},
		{"cross-site", "http://kiosk1.local:8080", false},
		{"same-site", "", false},
		{"none", "", false},
		{"", "http://evil.example", false},
		{"", "https://kiosk1.local:8080", false},
		{"", "http://kiosk1.local", false},
		{"", "null", false},
		{"", "http://evil.example@kiosk1.local:8080.evil", false},
	} {
		r := httptest.NewRequest(http.MethodPost, "http://kiosk1.local:8080/desk", nil)
		if c.site != "" {
			r.Header.Set("Sec-Fetch-Site", c.site)
		}
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		if err := CheckOrigin(r); (err == nil) != c.ok || err != nil && !errors.Is(err, ErrOrigin) {
			t.Errorf("Sec-Fetch-Site %q, Origin %q: %v", c.site, c.origin, err)
		}
	}
}

func TestDirectory(t *testing.T) {
	d := NewDirectory([]Person{{ID: "t07", Badge: "B1", Roles: []Role{Technician, Inspector}}, {ID: "i01", Roles: []Role{Inspector}}, {ID: "m01", Roles: []Role{Manager, Adviser}}})
	if p, ok := d.Badge("B1"); !ok || p.ID != "t07" || p.Only(Inspector) || !p.Has(Adviser, Inspector) {
		t.Errorf("badge B1 is %+v, %v", p, ok)
	}
	if _, ok := d.Badge(""); ok {
		t.Error("a person without badge is found by none")
	}
	var ids []string
	for _, p := range d.All() {
		ids = append(ids, p.ID)
	}
	if fmt.Sprint(ids) != "[i01 m01 t07]" {
		t.Errorf("All lists %v", ids)
	}
	if p, _ := d.Person("i01"); !p.Only(Inspector) {
		t.Error("i01 is an inspector only")
	}
}
