package pgledger_test

import (
	"fmt"
	"sync"
	"testing"

	"baylight/sync/backoffice/ledger/pgledger"
	"baylight/sync/backoffice/ledger/pgledger/pgtest"
)

// TestAuthority: of offices that bring authorities of their own at once one is
// first, and all are told which; it stays when the ledger gets another id, until it
// is replaced.
func TestAuthority(t *testing.T) {
	s := pgtest.Start(t)
	c := pgledger.Config{URL: s.URL()}
	l := open(t, c)
	ctx := t.Context()
	if a, err := l.Authority(ctx); err != nil || a != (pgledger.Authority{}) {
		t.Fatalf("a new ledger knows %+v (%v)", a, err)
	}
	var told [8]pgledger.Authority
	var claims sync.WaitGroup
	for i := range told {
		claims.Go(func() {
			var err error
			if told[i], err = l.ClaimAuthority(ctx, fmt.Sprint("f", i), fmt.Sprintf("office\x00\xff%d", i)); err != nil {
				t.Error(err)
			}
		})
	}
	claims.Wait()
	first := told[0]
	for i, a := range told {
		if a != first || a.Fingerprint == "" || a.Since.IsZero() {
			t.Errorf("office %d is told %+v, the first %+v", i, a, first)
		}
	}
	if _, err := pgledger.Renew(ctx, c); err != nil {
		t.Fatal(err)
	}
	again := open(t, c)
	if a, err := again.ClaimAuthority(ctx, first.Fingerprint, "another"); err != nil || a != first {
		t.Fatalf("who brings the same is told %+v (%v), not %+v", a, err, first)
	}
	if was, err := again.ReplaceAuthority(ctx, "new", "b"); err != nil || was != first {
		t.Fatalf("replacing tells %+v (%v), not %+v", was, err, first)
	}
	if a, err := again.ClaimAuthority(ctx, first.Fingerprint, "a"); err != nil || a.Fingerprint != "new" || a.Office != "b" {
		t.Fatalf("after it was replaced %+v is known (%v)", a, err)
	}
}
