package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

// How long certificates hold. A board's is renewed at two thirds of its life.
const (
	authorityLife = 20 * 365 * 24 * time.Hour
	boardLife     = 365 * 24 * time.Hour
	brokerLife    = 365 * 24 * time.Hour
	passingLife   = 30 * 24 * time.Hour // of the office's own, which are made in memory
	backdate      = 10 * time.Minute    // two clocks of a shop may differ by this
)

// PEM block types.
const (
	pemCertificate = "CERTIFICATE"
	pemKey         = "PRIVATE KEY"
	pemRequest     = "CERTIFICATE REQUEST"
)

func newKey() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

func encodeKey(k *ecdsa.PrivateKey) ([]byte, error) {
	b, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemKey, Bytes: b}), nil
}

func encodeCertificates(certs ...*x509.Certificate) (out []byte) {
	for _, c := range certs {
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: c.Raw})...)
	}
	return out
}

// bundle is what a PEM file holds.
type bundle struct {
	key   *ecdsa.PrivateKey // nil: none
	certs []*x509.Certificate
}

// decode reads key and certificates; anything else is an error.
func decode(b []byte) (out bundle, err error) {
	for {
		block, rest := pem.Decode(b)
		if block == nil {
			return out, nil
		}
		b = rest
		switch block.Type {
		case pemCertificate:
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return out, err
			}
			out.certs = append(out.certs, c)
		case pemKey:
			k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
			if err != nil {
				return out, err
			}
			key, ok := k.(*ecdsa.PrivateKey)
			if !ok || out.key != nil {
				return out, errors.New("one ECDSA key is expected")
			}
			out.key = key
		default:
			return out, fmt.Errorf("a block %.40q is not expected", block.Type)
		}
	}
}

// request makes the request for a certificate that board's key signs.
func request(k *ecdsa.PrivateKey, n Name) ([]byte, error) {
	t := &x509.CertificateRequest{}
	if n != (Name{}) {
		t.Subject.CommonName = n.String()
	}
	return x509.CreateCertificateRequest(rand.Reader, t, k)
}

// readRequest reads a request: a P-256 key that signed it, and the name of who
// asks, which may be empty.
func readRequest(der []byte) (*ecdsa.PublicKey, string, error) {
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, "", fmt.Errorf("read request: %w", err)
	}
	if err := r.CheckSignature(); err != nil {
		return nil, "", fmt.Errorf("read request: %w", err)
	}
	key, ok := r.PublicKey.(*ecdsa.PublicKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, "", errors.New("read request: the key is not ECDSA P-256")
	}
	return key, r.Subject.CommonName, nil
}

func serial() *big.Int {
	b := make([]byte, 16)
	rand.Read(b)
	b[0] = b[0]&0x7f | 0x40 // positive, and always as long
	return new(big.Int).SetBytes(b)
}

// forClient is the template of a certificate by which a board or an office shows who it is.
func forClient(n Name, now time.Time, life time.Duration) *x509.Certificate {
	return &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: n.String()},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
}

// forServer is the template of a server's certificate; names are host names and addresses.
func forServer(names []string, now time.Time, life time.Duration) *x509.Certificate {
	t := &x509.Certificate{SerialNumber: serial(), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	for _, n := range names {
		if ip := net.ParseIP(n); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, n)
		}
	}
	return t
}

// newAuthority makes a certification authority.
func newAuthority(now time.Time) (*x509.Certificate, *ecdsa.PrivateKey, error) {
	k, err := newKey()
	if err != nil {
		return nil, nil, err
	}
	n := serial()
	t := &x509.Certificate{SerialNumber: n, Subject: pkix.Name{CommonName: fmt.Sprintf("Baylight authority %x", n.Bytes()[:4])},
		NotBefore: now.Add(-backdate), NotAfter: now.Add(authorityLife), IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	c, err := sign(t, t, &k.PublicKey, k)
	return c, k, err
}

func sign(t, by *x509.Certificate, pub crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, by, pub, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}

// pair is a certificate and its key as TLS takes them.
func pair(c *x509.Certificate, k crypto.Signer) tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: k, Leaf: c}
}

// due says from when a certificate is to be renewed.
func due(c *x509.Certificate) time.Time {
	return c.NotBefore.Add(c.NotAfter.Sub(c.NotBefore) / 3 * 2)
}
