package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"baylight/kiosk/staff"
)

// The routes of the office's enrolment server.
const (
	enrolPath = "/v1/enrol"
	renewPath = "/v1/renew"
)

// maxBody bounds a question and an answer.
const maxBody = 16 << 10

// maxHandshakes bounds how many are connected at once: a store that comes back
// has hundreds of boards, and each needs it for a second a year.
const maxHandshakes = 64

// question is what a board asks.
type question struct {
	Code    string `json:"code,omitempty"` // its id, the part that is no secret; enrolling only
	Request []byte `json:"request"`        // PKCS #10, DER
	Proof   []byte `json:"proof,omitempty"`
}

// answer is what it is told. Proof covers the bytes of Identity.
type answer struct {
	Identity []byte `json:"identity,omitempty"` // told, as JSON
	Proof    []byte `json:"proof,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// told is what a board keeps besides its key.
type told struct {
	Certificates []byte `json:"certificates"` // PEM: the board's, then the authorities
	Broker       string `json:"broker"`
	Office       string `json:"office"`
}

// refusal is a problem that the board is told.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

func refuse(status int, format string, args ...any) error {
	return &refusal{status, fmt.Sprintf(format, args...)}
}

// errSame is told of every code that is not taken, so that an answer does not say
// which part of it was right.
func errSame() error {
	return refuse(http.StatusForbidden, "this code is not valid (any more): ask for another one with backofficed enroll")
}

// Handler serves enrolment and renewal. It needs the connection's TLS state, as
// [Authority.Server] gives it.
func (a *Authority) Handler() http.Handler {
	limits := staff.NewLimits(a.cfg.Now)
	mux := http.NewServeMux()
	serve := func(f func(*http.Request, question, *staff.Limits) (answer, error)) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var q question
			b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
			if err == nil {
				err = json.Unmarshal(b, &q)
			}
			var out answer
			if err != nil {
				err = refuse(http.StatusBadRequest, "the question is not understood")
			} else {
				out, err = f(r, q, limits)
			}
			a.reply(w, r, out, err)
		}
	}
	mux.HandleFunc("POST "+enrolPath, serve(a.enrol))
	mux.HandleFunc("POST "+renewPath, serve(a.renew))
	return mux
}

func (a *Authority) reply(w http.ResponseWriter, r *http.Request, out answer, err error) {
	status := http.StatusOK
	var no *refusal
	switch {
	case errors.As(err, &no):
		status, out = no.status, answer{Problem: no.text}
		a.cfg.Log.Warn("a board is refused", "from", staff.Address(r), "why", no.text)
	case err != nil:
		status, out = http.StatusInternalServerError, answer{Problem: "the office cannot do this now; its log says why"}
		a.cfg.Log.Error("a board is not answered", "from", staff.Address(r), "err", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // who asked may have gone
}

// enrol answers a board that brings a one-time code.
func (a *Authority) enrol(r *http.Request, q question, limits *staff.Limits) (answer, error) {
	exporter, err := a.export(r.TLS)
	if err != nil {
		return answer{}, err
	}
	from := "from " + staff.Address(r)
	if wait := limits.Take(from); wait > 0 {
		return answer{}, refuse(http.StatusTooManyRequests, "too many wrong codes: wait %s", wait.Round(time.Second))
	}
	var out answer
	var name string
	err = a.with(func(reg *register, now time.Time) error {
		c := reg.code(q.Code, now)
		if c == nil || c.Tries >= maxTries {
			return errSame()
		}
		if !hmac.Equal(q.Proof, proof(c.Key, boardProves, exporter, q.Request)) {
			c.Tries++
			return nil // the try is kept; out stays empty
		}
		pub, asked, err := readRequest(q.Request)
		if err != nil {
			return refuse(http.StatusBadRequest, "%v", err)
		}
		if asked != "" && asked != c.Name {
			return refuse(http.StatusConflict, "the code is for %s, and this board is %s by its configuration", c.Name, asked)
		}
		raw, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(raw)
		if c.Used != nil && !hmac.Equal(c.Used, sum[:]) {
			return errSame()
		}
		if c.Used == nil {
			cert, err := a.issue(reg, c.Name, pub, now)
			if err != nil {
				return err
			}
			reg.revoke(c.Name, cert.SerialNumber.Text(16), "enrolled anew", now)
			c.Used, c.Signed = sum[:], cert.Raw
		}
		name = c.Name
		if out.Identity, err = a.tell(c.Signed); err != nil {
			return err
		}
		out.Proof = proof(c.Key, officeProves, exporter, out.Identity)
		return nil
	})
	if err == nil && out.Identity == nil {
		err = errSame()
	}
	if err != nil {
		return answer{}, err
	}
	limits.Forgive(from)
	a.cfg.Log.Info("a board is enrolled", "name", name, "from", staff.Address(r))
	if err := a.Publish(); err != nil { // it has its certificate; Run tries again
		a.cfg.Log.Error("the broker's files are not up to date", "err", err)
	}
	return out, nil
}

// renew answers a board that shows its certificate.
func (a *Authority) renew(r *http.Request, q question, _ *staff.Limits) (answer, error) {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return answer{}, refuse(http.StatusUnauthorized, "show the certificate that is to be renewed")
	}
	old := r.TLS.PeerCertificates[0]
	name, err := nameOf(old)
	if err != nil {
		return answer{}, refuse(http.StatusForbidden, "%v", err)
	}
	pub, asked, err := readRequest(q.Request)
	if err != nil {
		return answer{}, refuse(http.StatusBadRequest, "%v", err)
	}
	if asked != "" && asked != name.String() {
		return answer{}, refuse(http.StatusConflict, "the certificate is of %s, and the request of %s", name, asked)
	}
	var out answer
	err = a.with(func(reg *register, now time.Time) error {
		if reg.revoked(old.SerialNumber) {
			return refuse(http.StatusForbidden, "the certificate of %s was revoked: ask for a code with backofficed enroll", name)
		}
		c, err := a.issue(reg, name.String(), pub, now)
		if err != nil {
			return err
		}
		out.Identity, err = a.tell(c.Raw)
		return err
	})
	if err != nil {
		return answer{}, err
	}
	a.cfg.Log.Info("a board's certificate is renewed", "name", name.String())
	return out, nil
}

// tell is what a board is told with its certificate.
func (a *Authority) tell(der []byte) ([]byte, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return json.Marshal(told{Certificates: encodeCertificates(c, a.cert), Broker: a.cfg.Broker, Office: a.cfg.Address})
}

func exported(s *tls.ConnectionState) ([]byte, error) {
	if s == nil || s.Version < tls.VersionTLS13 {
		return nil, refuse(http.StatusUpgradeRequired, "TLS 1.3 is needed")
	}
	return s.ExportKeyingMaterial(exporterLabel, nil, 32)
}

// ServerTLS are the settings of the enrolment server. Who has a certificate shows it.
func (a *Authority) ServerTLS() *tls.Config {
	ours := x509.NewCertPool()
	ours.AddCert(a.cert)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}, SessionTicketsDisabled: true,
		ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: ours, Time: a.cfg.Now,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			c, err := a.own(OfficeHost, func(now time.Time) *x509.Certificate { return forServer([]string{OfficeHost}, now, passingLife) })
			return &c, err
		},
	}
}

// Server is the enrolment server; it serves on what [Authority.Listen] makes.
func (a *Authority) Server(ctx context.Context) *http.Server {
	return &http.Server{Handler: a.Handler(), ReadTimeout: 10 * time.Second, WriteTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second,
		MaxHeaderBytes: 8 << 10, BaseContext: func(net.Listener) context.Context { return ctx }, ErrorLog: slog.NewLogLogger(a.cfg.Log.Handler(), slog.LevelDebug)}
}
