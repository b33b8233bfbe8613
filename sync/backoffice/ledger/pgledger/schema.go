package pgledger

import (
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Version is the schema this program writes, kept in meta. A program may use a
// newer one if its min_reader allows it.
const Version = 3

// migrations bring a schema from one version to the next; each only adds. %s is
// how the table of events is divided.
var migrations = []string{
	`
CREATE TABLE meta(name text PRIMARY KEY, value text NOT NULL);
CREATE TABLE head(
	one boolean PRIMARY KEY DEFAULT true CHECK (one),
	ledger text NOT NULL, n bigint NOT NULL, run bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE stores(st integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, store text COLLATE "C" NOT NULL UNIQUE);
CREATE TABLE epochs(
	ep bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	st integer NOT NULL, source text COLLATE "C" NOT NULL, epoch text COLLATE "C" NOT NULL,
	through bigint NOT NULL, hash bytea NOT NULL, -- of the event at through
	max bigint NOT NULL, last_ms bigint NOT NULL, -- corrected time of the event at max
	UNIQUE(source, epoch)) WITH (fillfactor = 50);
CREATE INDEX epochs_store ON epochs(st);
CREATE INDEX epochs_epoch ON epochs(epoch);
CREATE TABLE events(
	n bigint NOT NULL, st integer NOT NULL, ep bigint NOT NULL, seq bigint NOT NULL,
	hash bytea NOT NULL,
	state smallint NOT NULL,               -- 0 counted, 1 recorded twice, 2 malformed
	uncertain boolean NOT NULL,
	when_ms bigint NOT NULL,               -- corrected time of recording
	at_ms bigint NOT NULL,                 -- when it was committed, by the office's clock
	type text COLLATE "C" NOT NULL,
	visit text COLLATE "C" NOT NULL,       -- '' if none, or not yet known
	target text COLLATE "C" NOT NULL,      -- id of the event it corrects, '' if none
	was text COLLATE "C" NOT NULL,         -- id#hash of the event it records again, '' if none
	digest text COLLATE "C" NOT NULL,      -- of its person part, '' if none
	boot text COLLATE "C" NOT NULL,
	bytes bytea NOT NULL) %s;
CREATE UNIQUE INDEX events_place ON events(st, ep, seq);
CREATE INDEX events_store ON events(st, n);
CREATE INDEX events_visit ON events(st, visit, n) WHERE visit <> '';
CREATE INDEX events_target ON events(st, target) WHERE target <> '' AND visit = '';
CREATE INDEX events_was ON events(st, was) WHERE was <> '';
CREATE INDEX events_unknown ON events(n) WHERE type >= 'baylight.' AND type < 'baylight/';
CREATE TABLE persons(
	ep bigint NOT NULL, seq bigint NOT NULL,
	bytes bytea,                           -- NULL once erased
	PRIMARY KEY(ep, seq));
CREATE TABLE boots(ep bigint NOT NULL, boot text COLLATE "C" NOT NULL, first bigint NOT NULL, PRIMARY KEY(ep, boot));
CREATE TABLE lost(
	source text COLLATE "C" NOT NULL, epoch text COLLATE "C" NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
	PRIMARY KEY(source, epoch, first, last));
CREATE TABLE seams(                        -- events that the next one of their epoch does not follow (see package ledger)
	ep bigint NOT NULL, seq bigint NOT NULL, PRIMARY KEY(ep, seq));
CREATE TABLE moved(                        -- an event's corrected time as it was known before position until
	n bigint NOT NULL, until bigint NOT NULL, when_ms bigint NOT NULL, uncertain boolean NOT NULL, PRIMARY KEY(n, until));
CREATE TABLE mixed(                        -- positions, first to last, within a transaction that moved times
	first bigint NOT NULL, last bigint PRIMARY KEY);
CREATE TABLE visits(st integer NOT NULL, visit text COLLATE "C" NOT NULL, changed bigint NOT NULL, PRIMARY KEY(st, visit)) WITH (fillfactor = 70);
CREATE INDEX visits_changed ON visits(st, changed);
CREATE TABLE conflicts(
	source text COLLATE "C" NOT NULL, epoch text COLLATE "C" NOT NULL, seq bigint NOT NULL,
	hash bytea NOT NULL, st integer NOT NULL, bytes bytea NOT NULL, at_ms bigint NOT NULL,
	PRIMARY KEY(source, epoch, seq, hash));
CREATE TABLE rejected(
	n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	key bytea NOT NULL UNIQUE,             -- hash of topic, payload and reason
	st integer NOT NULL, topic text NOT NULL,
	source text COLLATE "C" NOT NULL, epoch text NOT NULL, seq bigint NOT NULL, -- '' and 0 if it could not be told
	payload bytea NOT NULL, reason text NOT NULL, times bigint NOT NULL, at_ms bigint NOT NULL);
CREATE INDEX rejected_store ON rejected(st, n);
CREATE INDEX rejected_source ON rejected(source);
CREATE INDEX rejected_placeless ON rejected(n) WHERE seq = 0;
CREATE TABLE marks(name text COLLATE "C" PRIMARY KEY, n bigint NOT NULL) WITH (fillfactor = 50);
` + kept + `
CREATE TABLE offices(
	office text PRIMARY KEY, app text NOT NULL, name text NOT NULL, url text NOT NULL,
	stores text[] NOT NULL,                -- that it would take
	since timestamptz NOT NULL DEFAULT clock_timestamp(), expires timestamptz NOT NULL) WITH (fillfactor = 50);
CREATE TABLE leases(
	st integer PRIMARY KEY,
	office text NOT NULL,                  -- '' if nobody has it
	term bigint NOT NULL) WITH (fillfactor = 50);

-- step takes the lock on head and counts k positions on. It fails if the ledger
-- has got another id, or if the office has not got one of the stores: then
-- nothing of the transaction may happen.
CREATE FUNCTION step(want text, who text, sts integer[], k bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE at bigint; lack integer;
BEGIN
	UPDATE head SET n = n + k WHERE ledger = want RETURNING n INTO at;
	IF at IS NULL THEN
		RAISE EXCEPTION 'the ledger has got another id than %%', want USING ERRCODE = 'BL001';
	END IF;
	IF who <> '' THEN
		SELECT min(s) INTO lack FROM unnest(sts) s WHERE NOT EXISTS (SELECT 1 FROM leases l WHERE l.st = s AND l.office = who);
		IF lack IS NOT NULL THEN
			RAISE EXCEPTION 'store %% belongs to another office', (SELECT store FROM stores WHERE st = lack) USING ERRCODE = 'BL002';
		END IF;
	END IF;
	RETURN at;
END $$;
`,
	papers,
	`ALTER TABLE IF EXISTS day_rows SET (toast_tuple_target = 8160);
DO $$ BEGIN IF to_regclass('facts') IS NOT NULL THEN ` + factsFirst + ` END IF; END $$`, // as in kept, unless somebody deleted them
}

// factsFirst finds facts by the first of their days.
const factsFirst = `CREATE INDEX IF NOT EXISTS facts_first ON facts(st, (days[1]) COLLATE "C");`

// kept is what a folder keeps. DropRollups makes again what somebody deleted of it.
// A row of a day stays in its page whole, up to 8 kB: kept beside and compressed, as
// the server does it by itself above 2 kB, a month is read in more than twice the time.
const kept = `
CREATE TABLE IF NOT EXISTS folds(
	st integer PRIMARY KEY, round bigint NOT NULL, changed bigint NOT NULL, visit text NOT NULL,
	through bigint NOT NULL, mark text NOT NULL) WITH (fillfactor = 50);
CREATE TABLE IF NOT EXISTS facts(
	st integer NOT NULL, visit text COLLATE "C" NOT NULL, at bigint NOT NULL, bytes bytea NOT NULL,
	days text[] NOT NULL, keys text[] NOT NULL,
	due_ms bigint,                         -- NULL: never
	PRIMARY KEY(st, visit)) WITH (fillfactor = 80);
CREATE INDEX IF NOT EXISTS facts_due ON facts(st, due_ms) WHERE due_ms IS NOT NULL;
` + factsFirst + `
CREATE TABLE IF NOT EXISTS fact_days(
	st integer NOT NULL, day text COLLATE "C" NOT NULL, visit text COLLATE "C" NOT NULL, PRIMARY KEY(st, day, visit));
CREATE TABLE IF NOT EXISTS fact_keys(
	st integer NOT NULL, key text COLLATE "C" NOT NULL, visit text COLLATE "C" NOT NULL, PRIMARY KEY(st, key, visit));
CREATE TABLE IF NOT EXISTS day_rows(
	st integer NOT NULL, kind text COLLATE "C" NOT NULL, day text COLLATE "C" NOT NULL, key text COLLATE "C" NOT NULL, bytes bytea NOT NULL,
	PRIMARY KEY(st, kind, day, key)) WITH (toast_tuple_target = 8160);
CREATE INDEX IF NOT EXISTS day_rows_day ON day_rows(st, day);
`

// Errors that step raises.
const (
	codeRenewed = "BL001"
	codeFenced  = "BL002"
)

// migrate creates what is missing, one version after the other.
func migrate(ctx context.Context, tx pgx.Tx, schema string, version, partitions int) error {
	if version >= Version {
		return nil
	}
	if version == 0 {
		if _, err := tx.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+schema); err != nil {
			return fmt.Errorf("create schema %s: %w", schema, err)
		}
	}
	for v := version; v < Version; v++ {
		script := migrations[v]
		if v == 0 {
			divided := ""
			if partitions > 0 {
				divided = "PARTITION BY HASH (st)"
			}
			script = fmt.Sprintf(script, divided)
		}
		if _, err := tx.Exec(ctx, script, pgx.QueryExecModeSimpleProtocol); err != nil {
			return fmt.Errorf("migrate schema %s to version %d: %w", schema, v+1, err)
		}
	}
	for i := range partitions * max(0, 1-version) {
		if _, err := tx.Exec(ctx, fmt.Sprintf(`CREATE TABLE events_%d PARTITION OF events FOR VALUES WITH (MODULUS %d, REMAINDER %d)`, i, partitions, i)); err != nil {
			return fmt.Errorf("create partition %d: %w", i, err)
		}
	}
	if version == 0 {
		if _, err := tx.Exec(ctx, `INSERT INTO head(ledger, n, run) VALUES ($1, 0, 0)`, uuid.NewString()); err != nil {
			return fmt.Errorf("name ledger: %w", err)
		}
	}
	for name, value := range map[string]int{"version": Version, "min_reader": 1} {
		if _, err := tx.Exec(ctx, `INSERT INTO meta VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, strconv.Itoa(value)); err != nil {
			return fmt.Errorf("note version: %w", err)
		}
	}
	return nil
}
