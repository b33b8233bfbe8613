package doctor

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Why a board does not get on with its broker.
var (
	errName   = errors.New("the name is not known")
	errClosed = errors.New("nothing takes connections")
	errTLS    = errors.New("no encrypted connection")
	errMute   = errors.New("something answers that is no broker")
	errBarred = errors.New("it does not take this board's certificate")
)

// errRefusal is the code by which a broker refused a connection (MQTT 3.1.1, 3.2.2.3).
type errRefusal byte

// Error says what the code means.
func (e errRefusal) Error() string {
	return map[errRefusal]string{1: "it does not speak MQTT 3.1.1", 2: "it does not like the client's name", 3: "it is not ready",
		4: "user name or password is wrong", 5: "this board is not allowed"}[e] + " (code " + strconv.Itoa(int(e)) + ")"
}

// broker looks at the way to the broker and at what waits to be sent.
func broker(ctx context.Context, f *Facts) (out []Finding) {
	if f.Settings == nil {
		return nil
	}
	address := f.Settings.MQTT.URL
	u, err := url.Parse(address)
	if err != nil {
		return []Finding{say(Wrong, "broker.closed", address, err.Error())}
	}
	address = u.Scheme + "://" + u.Host
	if ip := net.ParseIP(u.Hostname()); u.Scheme == "mqtt" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		out = append(out, say(Look, "broker.plain", address))
	}
	if f.State != nil && f.State.Uplink.Connected {
		out = append(out, say(OK, "broker.connected", address))
	} else {
		out = append(out, reached(f.Machine.Broker(ctx, f.Settings), address, u.Hostname()))
	}
	return append(out, f.outbox()...)
}

func reached(err error, address, host string) Finding {
	var refusal errRefusal
	switch {
	case err == nil:
		return say(OK, "broker.ok", address)
	case errors.Is(err, errName):
		return say(Wrong, "broker.name", address, err.Error(), host)
	case errors.Is(err, errTLS):
		return say(Wrong, "broker.tls", address, err.Error())
	case errors.Is(err, errBarred):
		return say(Wrong, "broker.barred", address, err.Error())
	case errors.As(err, &refusal):
		return say(Wrong, "broker.refused", address, err.Error())
	case errors.Is(err, errMute):
		return say(Wrong, "broker.mute", address, err.Error())
	}
	return say(Wrong, "broker.closed", address, err.Error())
}

// waiting is how long an event may be without a receipt before a person looks.
const waiting = 5 * time.Minute

// outbox is what the running kiosk has not got rid of.
func (f *Facts) outbox() []Finding {
	if f.State == nil {
		return []Finding{unseen("broker", "outbox", errors.New("only the running kiosk knows"))}
	}
	up := f.State.Uplink
	args := []string{strconv.FormatUint(up.Depth, 10), seconds(up.Oldest).String()}
	switch {
	case up.Connected && !up.Office && !f.Settings.MQTT.Broker:
		return []Finding{say(Look, "broker.office", args...)}
	case up.Depth > 0 && seconds(up.Oldest) >= waiting:
		return []Finding{say(Look, "broker.waiting", args...)}
	}
	return []Finding{say(OK, "broker.outbox", args...)}
}

// soon is how long before a certificate ends a person is told: the board renews
// by itself long before.
const soon = 30 * 24 * time.Hour

// certificates looks at the board's own certificate, if it has one.
func certificates(_ context.Context, f *Facts) []Finding {
	if f.Settings == nil {
		return nil
	}
	if !strings.HasPrefix(f.Settings.MQTT.URL, "mqtts:") {
		return []Finding{say(OK, "certificate.none")}
	}
	name := f.Settings.MQTT.Identity
	st, err := f.stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.Settings.MQTT.User != "":
		return []Finding{say(OK, "certificate.server")}
	case errors.Is(err, fs.ErrNotExist):
		return []Finding{say(Wrong, "certificate.missing", name)}
	case err != nil:
		return []Finding{unseen("certificate", name, err)}
	}
	var out []Finding
	if mode := st.Mode().Perm(); mode&0o077 != 0 {
		out = append(out, say(Wrong, "certificate.open", name, fmt.Sprintf("%04o", mode)))
	}
	b, err := fs.ReadFile(f.Files, rel(name))
	if err != nil {
		return append(out, unseen("certificate", name, err))
	}
	leaf, err := leafOf(b)
	if err != nil {
		return append(out, say(Wrong, "certificate.bad", name, err.Error()))
	}
	if own := f.Settings.Store.Name + "/" + f.Settings.Name; leaf.Subject.CommonName != own {
		return append(out, say(Wrong, "certificate.other", name, leaf.Subject.CommonName, own))
	}
	left := leaf.NotAfter.Sub(f.Now)
	args := []string{leaf.Subject.CommonName, leaf.NotAfter.Format(time.DateOnly), strconv.Itoa(int(left.Hours() / 24))}
	switch {
	case left <= 0:
		return append(out, say(Wrong, "certificate.expired", args...))
	case f.Now.Before(leaf.NotBefore):
		return append(out, say(Wrong, "certificate.early", leaf.Subject.CommonName, leaf.NotBefore.Format(time.DateTime)))
	case left < soon:
		return append(out, say(Look, "certificate.soon", args...))
	}
	return append(out, say(OK, "certificate.ok", args...))
}

// leafOf is the certificate in a file of key and certificates whose key is in it too.
func leafOf(b []byte) (*x509.Certificate, error) {
	var key any
	var leaf *x509.Certificate
	for block, rest := pem.Decode(b); block != nil; block, rest = pem.Decode(rest) {
		var err error
		switch {
		case block.Type == "CERTIFICATE" && leaf == nil:
			leaf, err = x509.ParseCertificate(block.Bytes)
		case block.Type == "PRIVATE KEY" && key == nil:
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		}
		if err != nil {
			return nil, err
		}
	}
	if key == nil || leaf == nil {
		return nil, errors.New("it does not hold a key and a certificate")
	}
	return leaf, matches(key, leaf)
}

// matches says whether a key is that of a certificate.
func matches(key any, leaf *x509.Certificate) error {
	own, ok := key.(interface{ Public() crypto.PublicKey })
	if !ok {
		return errors.New("its key is of no known kind")
	}
	pub, ok := own.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !pub.Equal(leaf.PublicKey) {
		return errors.New("its key is not that of its certificate")
	}
	return nil
}
