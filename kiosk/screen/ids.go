package screen

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"

	"baylight/kiosk/floor"
)

// ids signs the ids that forms carry, with a key that lives as long as the
// process: visits are numbered from these ids, so nobody may choose one.
type ids struct{ key []byte }

func newIDs() ids {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	return ids{key: key}
}

func (s ids) sign(id string) string { return id + "." + s.mac(id) }

// verify is the id that was signed.
func (s ids) verify(text string) (id string, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i <= 0 || len(text) > 200 {
		return "", false
	}
	id = text[:i]
	return id, hmac.Equal([]byte(text[i+1:]), []byte(s.mac(id)))
}

func (s ids) mac(id string) string {
	m := hmac.New(sha256.New, s.key)
	m.Write([]byte(id))
	return hex.EncodeToString(m.Sum(nil)[:12])
}

// maxRecent bounds how many actions are remembered.
const maxRecent = 1024

// recent remembers the replies of the last actions, so that the same action,
// sent twice, is done once and answered twice.
type recent struct {
	mu    sync.Mutex
	all   map[string]*deed
	order []string
}

// deed is an action done or being done.
type deed struct {
	what  string // hash of what was sent
	done  chan struct{}
	reply floor.Reply
	err   error
}

func newRecent() *recent { return &recent{all: map[string]*deed{}} }

// errOther says that a key comes again with something else.
var errOther = errors.New("the same form was sent before with other content")

// do runs f once for each key; whoever comes with the same key and the same
// content (what) gets the same reply, whoever comes with other content gets
// errOther. If nothing came of it, the key is free again.
func (c *recent) do(ctx context.Context, key, what string, f func() (floor.Reply, error)) (floor.Reply, error) {
	c.mu.Lock()
	d, known := c.all[key]
	if known && d.what != what {
		c.mu.Unlock()
		return floor.Reply{}, errOther
	}
	if !known {
		d = &deed{what: what, done: make(chan struct{})}
		c.keep(key, d)
	}
	c.mu.Unlock()
	if known {
		select {
		case <-d.done:
			return d.reply, d.err
		case <-ctx.Done():
			return floor.Reply{}, ctx.Err()
		}
	}
	defer close(d.done)
	if d.reply, d.err = f(); d.err != nil || !d.reply.Good {
		c.mu.Lock()
		delete(c.all, key)
		c.mu.Unlock()
	}
	return d.reply, d.err
}

func (c *recent) keep(key string, d *deed) {
	c.all[key] = d
	if c.order = append(c.order, key); len(c.order) > maxRecent {
		delete(c.all, c.order[0])
		c.order = append([]string(nil), c.order[1:]...)
	}
}

// get is the reply of an action that was done lately.
func (c *recent) get(key string) (floor.Reply, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.all[key]
	if !ok {
		return floor.Reply{}, false
	}
	select {
	case <-d.done:
		return d.reply, d.err == nil
	default:
		return floor.Reply{}, false
	}
}
