package staff

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// The cookie of a session. Over TLS it carries the prefix that binds it to
// exactly this host.
const (
	cookieName   = "baylight"
	cookieSecure = "__Host-baylight"
)

// SetCookie hands a session's token to the browser: HttpOnly, SameSite=Strict,
// for this browser session only; Secure if the request came over TLS.
func SetCookie(w http.ResponseWriter, r *http.Request, token string) {
	http.SetCookie(w, cookie(r, token))
}

// ClearCookie takes the token back.
func ClearCookie(w http.ResponseWriter, r *http.Request) {
	c := cookie(r, "")
	c.MaxAge = -1
	http.SetCookie(w, c)
}

func cookie(r *http.Request, token string) *http.Cookie {
	name := cookieName
	if r.TLS != nil {
		name = cookieSecure
	}
	return &http.Cookie{Name: name, Value: token, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode}
}

// CookieToken is the token that a request brings, "" if none.
func CookieToken(r *http.Request) string {
	name := cookieName
	if r.TLS != nil {
		name = cookieSecure
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// Address is the address a request came from, without its port. No header is
// believed: between browser and board stands no proxy.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Network is what an address is counted as: itself, in IPv6 its network of 64
// bits, of which a single machine has as many addresses as it likes.
func Network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// Errors of the checks on a request.
var (
	ErrHost   = errors.New("unknown host name")
	ErrOrigin = errors.New("request comes from another site")
)

// CheckHost says whether a request names a host it may: loopback by any name,
// or one of hosts (names or addresses, without port). It stops other sites'
// names that were made to point here (DNS rebinding). Error: ErrHost (wrapped).
func CheckHost(r *http.Request, hosts []string) error {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || slices.Contains(hosts, host) {
		return nil
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%w %q", ErrHost, host)
}

// CheckOrigin says whether a request that changes something comes from our own
// pages: by Sec-Fetch-Site where the browser sends it, else by Origin. A request
// with neither comes from no browser of this decade and is let through; forms of
// a session carry its secret besides ([Session.FormOK]). Error: ErrOrigin
// (wrapped).
func CheckOrigin(r *http.Request) error {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		if site == "same-origin" {
			return nil
		}
		return fmt.Errorf("%w: Sec-Fetch-Site %q", ErrOrigin, site)
	}
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	if u, err := url.Parse(origin); err == nil && u.Host == r.Host && (u.Scheme == "https") == (r.TLS != nil) {
		return nil
	}
	return fmt.Errorf("%w: Origin %q", ErrOrigin, origin)
}
