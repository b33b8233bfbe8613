package pgledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"baylight/sync/backoffice"
)

// What a question reads by the thousand is taken out of the rows as the server
// wrote it: Scan costs several times as much, above all for lists of text. It is
// taken so only if the server wrote it in binary, as it does unless the address of
// the ledger asks for another protocol.

// inBinary says whether every column is either in binary or text, which is the same.
func inBinary(rows pgx.Rows) bool {
	return !slices.ContainsFunc(rows.FieldDescriptions(), func(f pgconn.FieldDescription) bool {
		return f.Format != pgx.BinaryFormatCode && f.DataTypeOID != pgtype.TextOID
	})
}

// slab hands out copies of short pieces of bytes, many from one allocation.
type slab struct{ free []byte }

const slabSize = 16 << 10

func (s *slab) copy(b []byte) []byte {
	if len(b) > slabSize/4 {
		return slices.Clone(b)
	}
	if len(b) > len(s.free) {
		s.free = make([]byte, slabSize)
	}
	out := s.free[:len(b):len(b)]
	s.free = s.free[len(b):]
	copy(out, b)
	return out
}

// words keeps one copy of each word that comes again and again.
type words map[string]string

func (w words) of(b []byte) string {
	if s, known := w[string(b)]; known {
		return s
	}
	s := unplain(string(b))
	w[string(b)] = s
	return s
}

var errNoList = errors.New("read a list of text: it is not as long as it says")

// list reads a one-dimensional array of text as the server sends it: dimensions,
// whether there are NULLs, the type, then length and lower bound of each dimension,
// then each element after its length. word makes the strings.
func list(b []byte, word func([]byte) string) ([]string, error) {
	if len(b) < 12 {
		return nil, errNoList
	}
	dimensions := binary.BigEndian.Uint32(b)
	if dimensions == 0 {
		return nil, nil
	}
	if dimensions != 1 || len(b) < 20 {
		return nil, fmt.Errorf("read a list of text: it has %d dimensions", dimensions)
	}
	n := int(binary.BigEndian.Uint32(b[12:]))
	if b = b[20:]; n < 0 || n > len(b)/4 {
		return nil, errNoList
	}
	out := make([]string, n)
	for i := range out {
		if len(b) < 4 {
			return nil, errNoList
		}
		size := int(int32(binary.BigEndian.Uint32(b)))
		if b = b[4:]; size < 0 || size > len(b) {
			return nil, errNoList
		}
		out[i], b = word(b[:size]), b[size:]
	}
	return out, nil
}

// rawFacts reads rows of facts.
type rawFacts struct {
	bytes slab
	days  words
}

func (r *rawFacts) read(row [][]byte) (f backoffice.Fact, err error) {
	f.Visit, f.Bytes = unplain(string(row[0])), r.bytes.copy(row[2])
	if len(row[1]) != 8 || row[5] != nil && len(row[5]) != 8 {
		return f, errors.New("read a fact: a number is not 8 bytes long")
	}
	f.At = binary.BigEndian.Uint64(row[1])
	if row[5] != nil {
		f.Due = ms(int64(binary.BigEndian.Uint64(row[5])))
	}
	if f.Days, err = list(row[3], r.days.of); err == nil {
		f.Keys, err = list(row[4], func(b []byte) string { return unplain(string(b)) })
	}
	return f, err
}

// scanFact reads a row of facts whatever the protocol.
func scanFact(rows pgx.Rows) (f backoffice.Fact, err error) {
	var at int64
	var due *int64
	if err := rows.Scan(&f.Visit, &at, &f.Bytes, &f.Days, &f.Keys, &due); err != nil {
		return f, err
	}
	f.Visit, f.At, f.Days, f.Keys = unplain(f.Visit), uint64(at), untexts(f.Days), untexts(f.Keys)
	if due != nil {
		f.Due = ms(*due)
	}
	return f, nil
}

// rawDays reads rows of days of one kind; those of a day come one after the other.
func rawDays(rows pgx.Rows, kind string) (out []backoffice.DayRow, err error) {
	defer rows.Close()
	binary, known := inBinary(rows), words{}
	var bytes slab
	for rows.Next() {
		r := backoffice.DayRow{Kind: kind}
		if binary {
			row := rows.RawValues()
			r.Day, r.Key, r.Bytes = known.of(row[0]), known.of(row[1]), bytes.copy(row[2])
		} else if err := rows.Scan(&r.Day, &r.Key, &r.Bytes); err != nil {
			return nil, err
		} else {
			r.Day, r.Key = unplain(r.Day), unplain(r.Key)
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
