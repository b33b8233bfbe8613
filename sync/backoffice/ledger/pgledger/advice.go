package pgledger

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"
)

// advised adds to an error of the server or of the way to it what to do about it.
func advised(err error) error {
	if what := advice(err); what != "" {
		return &adviceError{err, what}
	}
	return err
}

type adviceError struct {
	err  error
	what string
}

func (a *adviceError) Error() string { return a.err.Error() + "; " + a.what }
func (a *adviceError) Unwrap() error { return a.err }

// byCode are the codes of PostgreSQL's errors (its manual, appendix A) that a
// person can do something about.
var byCode = map[string]string{
	"28P01": "the password in ledger.password_file is not this role's; put it right there or with ALTER ROLE … PASSWORD",
	"28000": "make the role with CREATE ROLE … LOGIN, and let it in from here in pg_hba.conf",
	"3D000": "make the database with CREATE DATABASE",
	"42501": "let the role in with GRANT CONNECT, CREATE ON DATABASE … TO …",
	"53300": "each office uses at most 10 connections; raise max_connections",
	"57P03": "it is starting or stopping; try again in a moment",
}

func advice(err error) string {
	var said *pgconn.PgError
	var address *pgconn.ParseConfigError
	var name *net.DNSError
	var unknown *tls.CertificateVerificationError
	switch {
	case errors.As(err, &said):
		return byCode[said.Code]
	case errors.As(err, &address):
		return `write it like "postgres://baylight@db.example:5432/baylight?sslmode=verify-full"`
	case errors.As(err, &name):
		return "is the name right, and is it known here?"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, os.ErrNotExist):
		return "is PostgreSQL running there, and does its listen_addresses name an address that is reached from here?"
	case errors.As(err, &unknown):
		return "name the authority that signed its certificate with sslrootcert"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "nothing answers in time: does a firewall stand between?"
	}
	return ""
}
