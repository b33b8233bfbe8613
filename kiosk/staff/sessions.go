package staff

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"sync"
	"time"
)

// How long a session lasts.
const (
	Idle        = 30 * time.Minute // without use
	Absolute    = 12 * time.Hour   // in any case
	maxSessions = 512
)

// Session is one signed-in browser.
type Session struct {
	Person  string // id
	Started time.Time
	Seen    time.Time
	Form    string // the secret that forms of this session carry (CSRF)
}

// FormOK says whether a form's token is this session's, in constant time.
func (s Session) FormOK(token string) bool {
	return s.Form != "" && subtle.ConstantTimeCompare([]byte(s.Form), []byte(token)) == 1
}

// Sessions holds who is signed in.
type Sessions struct {
	now func() time.Time
	mu  sync.Mutex
	all map[[sha256.Size]byte]Session
}

// NewSessions makes an empty set of sessions that tells time by now.
func NewSessions(now func() time.Time) *Sessions {
	return &Sessions{now: now, all: map[[sha256.Size]byte]Session{}}
}

// Start begins a session of a person and returns its token, which is always
// new: a token that somebody planted in a browser never becomes a session.
func (s *Sessions) Start(person string) (token string, session Session) {
	token = secret()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.sweep(now)
	session = Session{Person: person, Started: now, Seen: now, Form: secret()}
	s.all[sha256.Sum256([]byte(token))] = session
	return token, session
}

// Get finds the session of a token and marks it used.
func (s *Sessions) Get(token string) (Session, bool) {
	if token == "" || len(token) > 128 {
		return Session{}, false
	}
	key := sha256.Sum256([]byte(token))
	s.mu.Lock()
	defer s.mu.Unlock()
	session, ok := s.all[key]
	if !ok {
		return Session{}, false
	}
	now := s.now()
	if session.over(now) {
		delete(s.all, key)
		return Session{}, false
	}
	session.Seen = now
	s.all[key] = session
	return session, true
}

// End ends the session of a token, if there is one.
func (s *Sessions) End(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, sha256.Sum256([]byte(token)))
}

// EndAll ends every session of a person: a badge was lost, a role was taken.
func (s *Sessions) EndAll(person string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for k, session := range s.all {
		if session.Person == person {
			delete(s.all, k)
		}
	}
}

func (s Session) over(now time.Time) bool {
	return now.Sub(s.Seen) >= Idle || now.Sub(s.Started) >= Absolute
}

// sweep drops what is over, and if there is still no room, the one unused longest.
func (s *Sessions) sweep(now time.Time) {
	var stalest [sha256.Size]byte
	var seen time.Time
	for k, session := range s.all {
		if session.over(now) {
			delete(s.all, k)
			continue
		}
		if seen.IsZero() || session.Seen.Before(seen) {
			stalest, seen = k, session.Seen
		}
	}
	if len(s.all) >= maxSessions {
		delete(s.all, stalest)
	}
}

// secret is 256 random bits as text.
func secret() string { return base64.RawURLEncoding.EncodeToString(random(32)) }
