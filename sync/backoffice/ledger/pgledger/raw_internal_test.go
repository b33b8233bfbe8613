package pgledger

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"
)

// FuzzList: a list of text is read as pgx writes and reads it, and nothing that is
// none is taken for one.
func FuzzList(f *testing.F) {
	types := pgtype.NewMap()
	for _, l := range [][]string{nil, {""}, {"a", "世界", "b,c"}} {
		b, err := types.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, l, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x19\x7f\xff\xff\xff\x00\x00\x00\x01\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := list(b, func(b []byte) string { return string(b) })
		if err != nil {
			return
		}
		again, err := types.Encode(pgtype.TextArrayOID, pgtype.BinaryFormatCode, got, nil)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		if err := types.Scan(pgtype.TextArrayOID, pgtype.BinaryFormatCode, again, &want); err != nil || !slices.Equal(got, want) {
			t.Errorf("%x reads as %q, written again as %q (%v)", b, got, want, err)
		}
	})
}
