package postgres

import "fmt"

// workMigration makes the tables that workers share. Its functions are how workers
// write: each is one statement, so a worker that stops in the middle of what it
// sends keeps nobody else waiting, and what it does is planned once a session.
//
// Whatever has to be seen in the order in which it was made (records, results, the
// end of a run) is made under the lock of the state's row of work_heads.
const workMigration = `
UPDATE %[1]s.version SET version = 5;

-- work_key is the data key of what workers share, sealed with age; NULL where that
-- is plain. What is sealed says so in its first byte.
ALTER TABLE %[1]s.states ADD COLUMN work_key bytea;

-- fold says that a version holds what workers recorded, and nothing else.
ALTER TABLE %[1]s.versions ADD COLUMN fold boolean NOT NULL DEFAULT false;

-- The number of the last record or result.
CREATE TABLE %[1]s.work_heads (
	state_id bigint PRIMARY KEY,
	seq      bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Who has an account. The token rises at each change of hands. expires is NULL
-- where nobody has it.
CREATE TABLE %[1]s.work_accounts (
	state_id  bigint NOT NULL,
	account   text COLLATE "C" NOT NULL,
	token     bigint NOT NULL DEFAULT 0,
	worker    text NOT NULL DEFAULT '',
	info      bytea,
	renewed   timestamptz,
	expires   timestamptz,
	paused_by text,
	PRIMARY KEY (state_id, account)
) WITH (fillfactor = 50);

-- The last group of records of each process, so that one whose answer was lost is
-- written once.
CREATE TABLE %[1]s.work_writers (
	state_id bigint NOT NULL,
	writer   text COLLATE "C" NOT NULL,
	grp      bigint NOT NULL,
	begun    timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (state_id, writer)
) WITH (fillfactor = 50);

-- What was done since the snapshot and isn't in it: a record a row. kind is i for
-- an intent, t for one with a ticket, o for an outcome, c for an outcome or a put
-- with its card, d for a drop. run is the run that was handed over, told the one
-- that the history names.
CREATE TABLE %[1]s.work_records (
	state_id bigint NOT NULL,
	card     text COLLATE "C" NOT NULL,
	seq      bigint NOT NULL,
	account  text COLLATE "C" NOT NULL,
	token    bigint NOT NULL,
	kind     text COLLATE "C" NOT NULL,
	action   text COLLATE "C" NOT NULL,
	run      text COLLATE "C" NOT NULL,
	told     text COLLATE "C" NOT NULL,
	record   bytea NOT NULL,
	PRIMARY KEY (state_id, card, seq)
);
ALTER TABLE %[1]s.work_records ALTER COLUMN record SET STORAGE EXTERNAL;

-- What the history says of a run.
CREATE TABLE %[1]s.work_told (
	state_id bigint NOT NULL,
	told     text COLLATE "C" NOT NULL,
	run      bytea NOT NULL,
	at       timestamptz NOT NULL DEFAULT clock_timestamp(),
	PRIMARY KEY (state_id, told)
);

-- A run that was handed over, and how far it is in each account.
CREATE TABLE %[1]s.work_runs (
	number       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	state_id     bigint NOT NULL,
	id           text COLLATE "C" NOT NULL,
	priority     int NOT NULL,
	created      timestamptz NOT NULL,
	ended        timestamptz,
	config       text NOT NULL,
	version      int NOT NULL,
	info         bytea,
	cancelled    timestamptz,
	cancelled_by text,
	UNIQUE (state_id, id)
);
CREATE INDEX work_runs_open ON %[1]s.work_runs (state_id, number) WHERE ended IS NULL;
CREATE TABLE %[1]s.work_parts (
	run         bigint NOT NULL,
	account     text COLLATE "C" NOT NULL,
	actions     bigint NOT NULL,
	done        bigint NOT NULL DEFAULT 0,
	failed      bigint NOT NULL DEFAULT 0,
	dropped     bigint NOT NULL DEFAULT 0,
	not_started bigint NOT NULL DEFAULT 0,
	in_doubt    bigint NOT NULL DEFAULT 0,
	rest        bigint NOT NULL,
	slices      bigint NOT NULL,
	stuck       bytea,
	PRIMARY KEY (run, account)
) WITH (fillfactor = 70);

-- What is left of runs. begun is the token of the account that does it; part counts
-- how often a slice was done in part.
CREATE TABLE %[1]s.work_slices (
	run        bigint NOT NULL,
	account    text COLLATE "C" NOT NULL,
	n          int NOT NULL,
	part       int NOT NULL DEFAULT 0,
	actions    int NOT NULL,
	begun      bigint,
	not_before timestamptz,
	waits      bytea,
	body       bytea NOT NULL,
	PRIMARY KEY (run, account, n)
) WITH (fillfactor = 90);
ALTER TABLE %[1]s.work_slices ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX work_slices_wait ON %[1]s.work_slices (run, account, not_before) WHERE not_before IS NOT NULL;

-- What came of slices, in the order of id.
CREATE TABLE %[1]s.work_results (
	run     bigint NOT NULL,
	id      bigint NOT NULL,
	account text COLLATE "C" NOT NULL,
	n       int NOT NULL,
	body    bytea NOT NULL,
	PRIMARY KEY (run, id)
);
ALTER TABLE %[1]s.work_results ALTER COLUMN body SET STORAGE EXTERNAL;

-- The outcomes of actions that other accounts' actions need.
CREATE TABLE %[1]s.work_outcomes (
	run     bigint NOT NULL,
	action  text COLLATE "C" NOT NULL,
	outcome text NOT NULL,
	PRIMARY KEY (run, action)
);

-- Actions of a run that a later one no longer wants.
CREATE TABLE %[1]s.work_superseded (
	run  bigint NOT NULL,
	id   bigint GENERATED ALWAYS AS IDENTITY,
	body bytea NOT NULL,
	PRIMARY KEY (run, id)
);

-- When each check was last due.
CREATE TABLE %[1]s.work_checks (
	state_id bigint NOT NULL,
	name     text COLLATE "C" NOT NULL,
	due      timestamptz NOT NULL,
	PRIMARY KEY (state_id, name)
);

-- Refuses an account that has changed hands, and keeps it from doing so until the
-- transaction ends.
CREATE FUNCTION %[1]s.work_held(of_state bigint, of_account text, of_token bigint) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	PERFORM FROM %[1]s.work_accounts WHERE state_id = of_state AND account = of_account AND token = of_token FOR SHARE;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'CF001', MESSAGE = 'the account has changed hands';
	END IF;
END $$;

-- Adds a group of records, of those accounts that are held. It returns the others.
CREATE FUNCTION %[1]s.work_append(of_state bigint, of_writer text, of_grp bigint, accounts text[], tokens bigint[],
	account_of int[], cards text[], kinds text[], actions text[], runs text[], tolds text[], records bytea[],
	new_tolds text[], new_runs bytea[]) RETURNS text[] LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	held text[];
	before bigint;
BEGIN
	SELECT coalesce(array_agg(h.account), '{}') INTO held FROM (
		SELECT a.account FROM unnest(accounts, tokens) AS g (account, token)
		JOIN %[1]s.work_accounts a ON a.state_id = of_state AND a.account = g.account COLLATE "C" AND a.token = g.token
		FOR SHARE OF a
	) h;
	INSERT INTO %[1]s.work_writers AS w (state_id, writer, grp) VALUES (of_state, of_writer, of_grp)
	ON CONFLICT (state_id, writer) DO UPDATE SET grp = excluded.grp WHERE w.grp < excluded.grp;
	IF FOUND THEN
		IF cardinality(new_tolds) > 0 THEN
			INSERT INTO %[1]s.work_told (state_id, told, run) SELECT of_state, t.told, t.run FROM unnest(new_tolds, new_runs) AS t (told, run)
			ON CONFLICT (state_id, told) DO NOTHING;
		END IF;
		UPDATE %[1]s.work_heads SET seq = seq + cardinality(cards) WHERE state_id = of_state RETURNING seq - cardinality(cards) INTO before;
		INSERT INTO %[1]s.work_records (state_id, card, seq, account, token, kind, action, run, told, record)
		SELECT of_state, r.card, before + r.n, accounts[r.account], tokens[r.account], r.kind, r.action, r.run, r.told, r.record
		FROM unnest(account_of, cards, kinds, actions, runs, tolds, records) WITH ORDINALITY AS r (account, card, kind, action, run, told, record, n)
		WHERE accounts[r.account] = ANY (held);
	END IF;
	RETURN ARRAY(SELECT a FROM unnest(accounts) AS a WHERE a <> ALL (held));
END $$;

-- Ends the runs of which nothing is left but what can't go on.
CREATE FUNCTION %[1]s.work_end(of_state bigint) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
BEGIN
	UPDATE %[1]s.work_runs r SET ended = clock_timestamp() WHERE r.state_id = of_state AND r.ended IS NULL
	AND NOT EXISTS (SELECT FROM %[1]s.work_parts p WHERE p.run = r.number AND p.slices > 0 AND p.stuck IS NULL);
END $$;

-- Ends the slices of cancelled runs that nobody has begun. What became of one that was begun, says whoever did
-- it, or whoever takes the account next.
CREATE FUNCTION %[1]s.work_sweep(of_state bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM %[1]s.work_heads WHERE state_id = of_state FOR UPDATE;
	WITH gone AS (
		DELETE FROM %[1]s.work_slices s USING %[1]s.work_runs r
		WHERE r.state_id = of_state AND r.ended IS NULL AND r.cancelled IS NOT NULL AND s.run = r.number AND s.begun IS NULL
		RETURNING s.run, s.account, s.actions
	), counted AS (
		SELECT run, account, sum(actions) AS actions, count(*) AS slices FROM gone GROUP BY run, account
	)
	UPDATE %[1]s.work_parts p SET not_started = p.not_started + c.actions, rest = p.rest - c.actions, slices = p.slices - c.slices
	FROM counted c WHERE p.run = c.run AND p.account = c.account;
	PERFORM %[1]s.work_end(of_state);
END $$;

-- Gives out the account's next slice that its holder hasn't in its hands. superseded is the last list of what is
-- superseded in its run. Of a cancelled run it gives what an earlier holder had begun; with only_cancelled nothing else.
CREATE FUNCTION %[1]s.work_next(of_state bigint, of_account text, of_token bigint, of_config text, of_version int,
	hand_runs bigint[], hand_ns int[], only_cancelled boolean)
RETURNS TABLE (run text, number bigint, priority int, n int, part int, actions int, not_before timestamptz, waits bytea, body bytea, superseded bigint,
	cancelled_by text)
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
#variable_conflict use_column
BEGIN
	PERFORM %[1]s.work_held(of_state, of_account, of_token);
	IF EXISTS (SELECT FROM %[1]s.work_runs r JOIN %[1]s.work_parts p ON p.run = r.number AND p.account = of_account
		WHERE r.state_id = of_state AND r.ended IS NULL AND r.cancelled IS NOT NULL AND p.slices > 0) THEN
		PERFORM %[1]s.work_sweep(of_state);
	END IF;
	RETURN QUERY
	WITH next AS (
		SELECT r.id, r.number, r.priority, s.n, CASE WHEN r.cancelled IS NOT NULL THEN coalesce(r.cancelled_by, '') END AS by FROM %[1]s.work_runs r
		JOIN %[1]s.work_parts p ON p.run = r.number AND p.account = of_account AND p.slices > 0 AND p.stuck IS NULL
		CROSS JOIN LATERAL (
			SELECT s.n FROM %[1]s.work_slices s
			WHERE s.run = r.number AND s.account = of_account AND (r.cancelled IS NULL OR s.begun IS NOT NULL)
			AND NOT EXISTS (SELECT FROM unnest(hand_runs, hand_ns) AS hand (run, n) WHERE hand.run = s.run AND hand.n = s.n)
			AND (s.not_before IS NULL OR s.not_before <= clock_timestamp()) ORDER BY s.n LIMIT 1
		) s
		WHERE r.state_id = of_state AND r.ended IS NULL AND r.config = of_config AND r.version <= of_version
		AND (r.cancelled IS NOT NULL OR NOT only_cancelled)
		AND NOT EXISTS (SELECT FROM %[1]s.work_accounts a WHERE a.state_id = of_state AND a.account = of_account AND a.paused_by IS NOT NULL)
		ORDER BY r.priority DESC, r.number LIMIT 1
	)
	UPDATE %[1]s.work_slices s SET begun = of_token FROM next
	WHERE s.run = next.number AND s.account = of_account AND s.n = next.n
	RETURNING next.id, next.number, next.priority, s.n, s.part, s.actions, s.not_before, s.waits, s.body,
		(SELECT max(u.id) FROM %[1]s.work_superseded u WHERE u.run = next.number), next.by;
END $$;

-- Ends a slice, or keeps its rest. It does nothing where that was done before.
CREATE FUNCTION %[1]s.work_finish(of_state bigint, of_account text, of_token bigint, of_run bigint, of_n int, of_part int, result bytea,
	now_done int, now_failed int, now_dropped int, now_not_started int, now_in_doubt int,
	rest_body bytea, rest_actions int, rest_not_before timestamptz, rest_waits bytea, needed text[], outcomes text[]) RETURNS void LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
	before int;
	result_id bigint;
BEGIN
	PERFORM %[1]s.work_held(of_state, of_account, of_token);
	UPDATE %[1]s.work_heads SET seq = seq + 1 WHERE state_id = of_state RETURNING seq INTO result_id;
	SELECT s.actions INTO before FROM %[1]s.work_slices s WHERE s.run = of_run AND s.account = of_account AND s.n = of_n AND s.part = of_part;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	IF rest_body IS NULL THEN
		DELETE FROM %[1]s.work_slices s WHERE s.run = of_run AND s.account = of_account AND s.n = of_n;
	ELSE
		UPDATE %[1]s.work_slices s SET part = s.part + 1, actions = rest_actions, begun = NULL, not_before = rest_not_before, waits = rest_waits, body = rest_body
		WHERE s.run = of_run AND s.account = of_account AND s.n = of_n;
	END IF;
	INSERT INTO %[1]s.work_results (run, id, account, n, body) VALUES (of_run, result_id, of_account, of_n, result);
	INSERT INTO %[1]s.work_outcomes AS o (run, action, outcome) SELECT of_run, u.action, u.outcome FROM unnest(needed, outcomes) AS u (action, outcome)
	ON CONFLICT (run, action) DO UPDATE SET outcome = excluded.outcome;
	UPDATE %[1]s.work_parts p SET done = p.done + now_done, failed = p.failed + now_failed, dropped = p.dropped + now_dropped,
		not_started = p.not_started + now_not_started, in_doubt = p.in_doubt + now_in_doubt,
		rest = p.rest - before + coalesce(rest_actions, 0), slices = p.slices - CASE WHEN rest_body IS NULL THEN 1 ELSE 0 END
	WHERE p.run = of_run AND p.account = of_account;
	PERFORM %[1]s.work_end(of_state);
END $$;

-- Says why a run can't go on in an account.
CREATE FUNCTION %[1]s.work_park(of_state bigint, of_account text, of_token bigint, of_run bigint, why bytea) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM %[1]s.work_held(of_state, of_account, of_token);
	PERFORM FROM %[1]s.work_heads WHERE state_id = of_state FOR UPDATE;
	UPDATE %[1]s.work_parts SET stuck = why WHERE run = of_run AND account = of_account;
	UPDATE %[1]s.work_slices SET begun = NULL WHERE run = of_run AND account = of_account AND begun IS NOT NULL;
	PERFORM %[1]s.work_end(of_state);
END $$;

-- Lets a run go on in an account, or in all of them.
CREATE FUNCTION %[1]s.work_retry(of_state bigint, of_run bigint, of_account text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM %[1]s.work_heads WHERE state_id = of_state FOR UPDATE;
	UPDATE %[1]s.work_parts SET stuck = NULL WHERE run = of_run AND (account = of_account OR of_account = '') AND stuck IS NOT NULL;
	UPDATE %[1]s.work_runs r SET ended = NULL WHERE r.number = of_run AND r.cancelled IS NULL
	AND EXISTS (SELECT FROM %[1]s.work_parts p WHERE p.run = of_run AND p.slices > 0 AND p.stuck IS NULL);
END $$;

-- Has no more of a run be given out.
CREATE FUNCTION %[1]s.work_cancel(of_state bigint, of_run bigint, who text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM FROM %[1]s.work_heads WHERE state_id = of_state FOR UPDATE;
	UPDATE %[1]s.work_runs r SET cancelled = clock_timestamp(), cancelled_by = who, ended = NULL
	WHERE r.number = of_run AND r.cancelled IS NULL AND EXISTS (SELECT FROM %[1]s.work_parts p WHERE p.run = of_run AND p.slices > 0);
	PERFORM %[1]s.work_sweep(of_state);
END $$;
`

// PrintSchema is the DDL that brings a schema of that version up to date, for
// whoever has the right to run it; 0 is one that isn't there yet. It is one
// transaction.
func (b *Backend) PrintSchema(from int) string {
	schema := b.quotedSchema()
	text := "BEGIN;\n"
	if from == 0 {
		text += "CREATE SCHEMA IF NOT EXISTS " + schema + ";\n"
	}
	for _, migration := range migrations[min(max(from, 0), len(migrations)):] {
		text += fmt.Sprintf(migration, schema)
	}
	return text + "COMMIT;\n"
}
