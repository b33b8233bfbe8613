package identity

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// ErrRefused is in the error of an office that answered and will not.
var ErrRefused = errors.New("the office refuses")

// askWithin bounds one question.
const askWithin = 30 * time.Second

// Enrolment is what a board needs to enrol.
type Enrolment struct {
	Office string // host:port
	Code   Code
	Name   Name // as the board's configuration says; the zero Name: whatever the code is for
}

// Enrol makes a key, has it certified, and puts both with what the office says in
// the file at path, replacing what was there. The office is not known before: that
// it knows the code's secret, on this very connection, is what proves it. Who is
// in between has the secret to find within askWithin: 60 bits.
func Enrol(ctx context.Context, e Enrolment, path string) (*Identity, error) {
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	req, err := request(k, e.Name)
	if err != nil {
		return nil, fmt.Errorf("enrol: %w", err)
	}
	var id *Identity
	for try := 0; ; try++ { // an answer that was lost is given again to the same key
		id, err = enrolOnce(ctx, e, k, req)
		if err == nil || errors.Is(err, ErrRefused) || errors.Is(err, errPeer) || try == 2 || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("enrol at %s: %w", e.Office, err)
	}
	return id, id.save(path)
}

func enrolOnce(ctx context.Context, e Enrolment, k *ecdsa.PrivateKey, req []byte) (*Identity, error) {
	// Not verified here: the certificate is of an authority that is not known yet.
	// The proof in the answer verifies connection and authority together.
	cfg := &tls.Config{MinVersion: tls.VersionTLS13, ServerName: OfficeHost, InsecureSkipVerify: true}
	var exporter []byte
	body, err := ask(ctx, e.Office, enrolPath, cfg, func(s tls.ConnectionState) (question, error) {
		var err error
		exporter, err = s.ExportKeyingMaterial(exporterLabel, nil, 32)
		return question{Code: e.Code.id(), Request: req, Proof: proof(e.Code.key(), boardProves, exporter, req)}, err
	})
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(body.Proof, proof(e.Code.key(), officeProves, exporter, body.Identity)) {
		return nil, fmt.Errorf("%w: it does not know the code; is somebody in between?", errPeer)
	}
	id, err := assemble(k, body.Identity)
	if err != nil {
		return nil, err
	}
	if e.Name != (Name{}) && id.Name != e.Name {
		return nil, fmt.Errorf("%w: the certificate is of %s, and this board is %s", errPeer, id.Name, e.Name)
	}
	return id, nil
}

// renewed asks for another certificate, for a new key.
func renewed(ctx context.Context, old *Identity, t Trust) (*Identity, error) {
	k, err := newKey()
	if err != nil {
		return nil, err
	}
	req, err := request(k, old.Name)
	if err != nil {
		return nil, err
	}
	cfg := old.client(OfficeHost, t)
	cfg.MinVersion = tls.VersionTLS13
	body, err := ask(ctx, old.Office, renewPath, cfg, func(tls.ConnectionState) (question, error) { return question{Request: req}, nil })
	if err != nil {
		return nil, err
	}
	id, err := assemble(k, body.Identity)
	if err != nil {
		return nil, err
	}
	if id.Name != old.Name {
		return nil, fmt.Errorf("%w: the certificate is of %s, and this board is %s", errPeer, id.Name, old.Name)
	}
	return id, nil
}

// assemble puts an identity together of a key and what the office told.
func assemble(k *ecdsa.PrivateKey, b []byte) (*Identity, error) {
	var t told
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("read the office's answer: %w", err)
	}
	of, err := decode(t.Certificates)
	if err != nil {
		return nil, fmt.Errorf("read the office's answer: %w", err)
	}
	if of.key != nil {
		return nil, errors.New("read the office's answer: a key has no business there")
	}
	return newIdentity(k, of.certs, t.Office, t.Broker)
}

// ask puts one question on a connection of its own.
func ask(ctx context.Context, address, path string, cfg *tls.Config, make func(tls.ConnectionState) (question, error)) (out answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	c, err := (&tls.Dialer{Config: cfg}).DialContext(ctx, "tcp", address)
	if err != nil {
		return out, err
	}
	defer c.Close()
	conn, ok := c.(*tls.Conn)
	if !ok {
		return out, errors.New("no TLS connection")
	}
	q, err := make(conn.ConnectionState())
	if err != nil {
		return out, err
	}
	b, err := json.Marshal(q)
	if err != nil {
		return out, err
	}
	once := &http.Transport{DisableKeepAlives: true, DialTLSContext: func(context.Context, string, string) (net.Conn, error) { return c, nil }}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+OfficeHost+path, bytes.NewReader(b))
	if err != nil {
		return out, err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := once.RoundTrip(r)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	if b, err = io.ReadAll(io.LimitReader(res.Body, 4*maxBody)); err != nil {
		return out, fmt.Errorf("read answer: %w", err)
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return out, fmt.Errorf("%s does not answer as a Baylight office does (%s)", address, res.Status)
	}
	if res.StatusCode != http.StatusOK {
		if res.StatusCode < http.StatusInternalServerError {
			return out, fmt.Errorf("%w: %s", ErrRefused, out.Problem)
		}
		return out, errors.New(out.Problem)
	}
	return out, nil
}

// newIdentity checks that everything belongs together.
func newIdentity(k *ecdsa.PrivateKey, certs []*x509.Certificate, office, broker string) (*Identity, error) {
	if len(certs) < 2 || k == nil {
		return nil, fmt.Errorf("an identity is a key, its certificate and an authority's; here are %d certificates", len(certs))
	}
	leaf, authorities := certs[0], certs[1:]
	n, err := nameOf(leaf)
	if err != nil {
		return nil, err
	}
	if !k.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the certificate is of another key")
	}
	if err := checkPlaces(office, broker); err != nil {
		return nil, err
	}
	signer := false
	for _, a := range authorities {
		signer = signer || a.IsCA && leaf.CheckSignatureFrom(a) == nil
	}
	if !signer {
		return nil, errors.New("no authority that is named signed the certificate")
	}
	return &Identity{Name: n, Office: office, Broker: broker, key: k, leaf: leaf, authorities: authorities}, nil
}

// checkPlaces checks where office and broker are said to be.
func checkPlaces(office, broker string) error {
	if host, port, err := net.SplitHostPort(office); err != nil || host == "" || port == "" || len(office) > 200 {
		return fmt.Errorf("the office's address %.200q is not host:port", office)
	}
	u, err := url.Parse(broker)
	if err != nil || u.Scheme != "mqtts" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || len(broker) > 200 {
		return fmt.Errorf("the broker's address %.200q is not mqtts://host:port", broker)
	}
	return nil
}
