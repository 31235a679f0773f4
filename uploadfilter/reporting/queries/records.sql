-- The first step: read the lines of the logs, and count them by day. Large logs are
-- read some files at a time; by hand, one time over all files gives the same.

-- name: tables
CREATE OR REPLACE TEMP TABLE days AS
SELECT strftime(day, '%Y-%m-%d') AS day,
       len(list_filter(getvariable('starts'), lambda start: start <= day)) - 1 AS period
FROM (SELECT unnest(generate_series(getvariable('starts')[1], getvariable('last_day'),
                                    INTERVAL 1 DAY))::DATE AS day);

CREATE OR REPLACE MACRO way(signal_type, kind) AS
    CASE WHEN kind = 'altered' THEN 'altered'
         WHEN kind <> 'within' THEN 'near'
         WHEN signal_type = 'md5' THEN 'md5'
         WHEN signal_type IN ('sha1', 'sha256') THEN 'digest'
         WHEN signal_type = 'pdq' THEN 'pdq'
         ELSE 'other' END;

-- The bins of durations: each is 9 % wide, and the first ends at 64 microseconds.
CREATE OR REPLACE MACRO edge(bin) AS round(64 * pow(2, bin / 8));
CREATE OR REPLACE MACRO near_bin(us) AS
    greatest(0, least(208, floor(8 * log2(greatest(us, 1) / 64)) + 1))::INTEGER;
CREATE OR REPLACE MACRO bin_of(us) AS
    CASE WHEN near_bin(us) < 208 AND us >= edge(near_bin(us)) THEN near_bin(us) + 1
         WHEN near_bin(us) > 0 AND us < edge(near_bin(us) - 1) THEN near_bin(us) - 1
         ELSE near_bin(us) END;

CREATE OR REPLACE TEMP TABLE lines (log VARCHAR, fit BIGINT, unfit BIGINT);
CREATE OR REPLACE TEMP TABLE decisions (
    log VARCHAR, day VARCHAR, mode VARCHAR, route VARCHAR, verdict VARCHAR,
    action VARCHAR, effect VARCHAR, reason VARCHAR, would VARCHAR,
    would_reason VARCHAR, status INTEGER, ways VARCHAR[],
    labels STRUCT("set" VARCHAR, category VARCHAR, state VARCHAR)[],
    uploads HUGEINT, bytes HUGEINT, cpu_us HUGEINT, chance HUGEINT, unjudged HUGEINT);
CREATE OR REPLACE TEMP TABLE totals AS
SELECT * EXCLUDE (ways, chance, unjudged) FROM decisions;
CREATE OR REPLACE TEMP TABLE events (
    log VARCHAR, day VARCHAR, of_total BOOLEAN, source VARCHAR, what VARCHAR,
    number HUGEINT);
CREATE OR REPLACE TEMP TABLE clients (
    log VARCHAR, day VARCHAR, client VARCHAR, rejections BIGINT);
CREATE OR REPLACE TEMP TABLE durations (day VARCHAR, bin INTEGER, uploads BIGINT);
CREATE OR REPLACE TEMP TABLE minutes (log VARCHAR, minute VARCHAR);
CREATE OR REPLACE TEMP TABLE changes (
    log VARCHAR, seq BIGINT, day VARCHAR, change VARCHAR, "at" TIMESTAMPTZ,
    at_text VARCHAR, subject VARCHAR, details JSON);

-- name: records
-- One row for each line up to the checkpoint. The schema is stated, nothing is guessed:
-- a line that is no JSON has no kind, and a field of another type is NULL.
CREATE OR REPLACE TEMP TABLE records AS
SELECT logs.log, left(line.time, 10) AS day, line.*
FROM read_json(
    getvariable('files'), format = 'newline_delimited', ignore_errors = true,
    maximum_object_size = 33554432, hive_partitioning = false, filename = 'file',
    columns = {
        record: 'VARCHAR', seq: 'BIGINT', time: 'VARCHAR', mode: 'VARCHAR',
        verdict: 'VARCHAR', action: 'VARCHAR', effect: 'VARCHAR', reason: 'VARCHAR',
        status: 'INTEGER', client: 'VARCHAR', size: 'BIGINT', duration_ms: 'DOUBLE',
        matches: 'JSON', would: 'VARCHAR', would_reason: 'VARCHAR', route: 'VARCHAR',
        cpu_ms: 'DOUBLE', outcome: 'VARCHAR', count: 'BIGINT',
        uploads: 'JSON', totals: 'JSON', change: 'VARCHAR', "at": 'VARCHAR',
        subject: 'VARCHAR', details: 'JSON'
    }) AS line
JOIN logs ON logs.folder = parse_dirpath(line.file)
WHERE line.seq <= logs.last AND list_contains(getvariable('kinds'), line.record);

-- A record without what its kind needs is counted as unfit, and in no figure.
INSERT INTO lines
SELECT log, count(*) FILTER (is_fit), count(*) FILTER (NOT is_fit)
FROM (
    SELECT log, try_cast(time AS TIMESTAMPTZ) IS NOT NULL AND CASE record
        WHEN 'decision' THEN mode IS NOT NULL AND verdict IS NOT NULL
            AND action IS NOT NULL AND effect IS NOT NULL AND size IS NOT NULL
            AND duration_ms IS NOT NULL AND matches IS NOT NULL
        WHEN 'outcome' THEN outcome IS NOT NULL
        WHEN 'shed' THEN reason IS NOT NULL AND count IS NOT NULL
        WHEN 'copy' THEN matches IS NOT NULL
        WHEN 'unsearched' THEN count IS NOT NULL
        WHEN 'summary' THEN uploads IS NOT NULL
        WHEN 'total' THEN totals IS NOT NULL
        WHEN 'change' THEN change IS NOT NULL AND try_cast("at" AS TIMESTAMPTZ) IS NOT NULL
        ELSE true END AS is_fit
    FROM records)
GROUP BY log;

-- Uploads of a summary are refused ones, without matches; a day's total has all.
INSERT INTO decisions
WITH found AS (
    SELECT *, CASE WHEN matches <> '[]' THEN from_json(matches, '[{"set": "VARCHAR",
        "category": "VARCHAR", "state": "VARCHAR", "signal_type": "VARCHAR",
        "kind": "VARCHAR", "chance": "DOUBLE"}]') ELSE [] END AS found
    FROM records SEMI JOIN days USING (day) WHERE record = 'decision'
),
judged AS (
    SELECT *,
        list_sort(list_distinct(list_transform(found,
            lambda it: way(it.signal_type, coalesce(it.kind, 'within'))))) AS ways,
        list_sort(list_distinct(list_transform(found,
            lambda it: {'set': it."set", 'category': it.category, 'state': it.state})))
            AS labels,
        list_min(list_transform(found, lambda it: it.chance)) AS least_chance
    FROM found
)
SELECT log, day, mode, route, verdict, action, effect, reason,
    would, would_reason, status, ways,
    -- A row names eight groups of matches; further ones count as the set *.
    CASE WHEN len(labels) > 8
         THEN labels[:8] || [{'set': '*', 'category': '*', 'state': '*'}]
         ELSE labels END,
    count(*), sum(size), sum(round_even(coalesce(cpu_ms, 0) * 1000, 0)::HUGEINT),
    -- E of the match that chance explains least, in whole units of 1e-12; 0 if a match
    -- is exact, and at most 1.
    sum(CASE WHEN list_has_any(ways, ['md5', 'digest']) THEN 0 ELSE coalesce(
        round_even(least(greatest(least_chance, 0), 1) / 1e-12, 0)::HUGEINT, 0) END),
    count(*) FILTER (len(ways) > 0 AND least_chance IS NULL
                     AND NOT list_has_any(ways, ['md5', 'digest']))
FROM judged GROUP BY ALL
UNION ALL
SELECT log, day, row.mode, row.route, row.verdict, row.action, row.effect, row.reason,
    row.would, row.would_reason, row.status, [], [],
    sum(row.uploads), sum(row.bytes), sum(row.cpu_us), 0, 0
FROM (
    SELECT log, day, unnest(from_json(uploads, getvariable('rows'))) AS row
    FROM records SEMI JOIN days USING (day) WHERE record = 'summary')
GROUP BY ALL;

-- Totals of a day that lost records stand for its records.
INSERT INTO totals
SELECT log, day, row.mode, row.route, row.verdict, row.action, row.effect, row.reason,
    row.would, row.would_reason, row.status, [], row.uploads, row.bytes, row.cpu_us
FROM (
    SELECT log, totals->>'day' AS day,
        unnest(from_json(totals->'uploads', getvariable('rows'))) AS row
    FROM records WHERE record = 'total') SEMI JOIN gone USING (log, day)
UNION ALL
SELECT log, day, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    [{'set': row."set", 'category': row.category, 'state': row.state}],
    row.uploads, 0, 0
FROM (
    SELECT log, totals->>'day' AS day, unnest(from_json(totals->'matches',
        '[{"set": "VARCHAR", "category": "VARCHAR", "state": "VARCHAR",
           "uploads": "BIGINT"}]')) AS row
    FROM records WHERE record = 'total') SEMI JOIN gone USING (log, day);

INSERT INTO events
SELECT log, day, false,
    CASE WHEN record IN ('outcome', 'shed') THEN record ELSE 'copies' END,
    CASE record WHEN 'outcome' THEN outcome WHEN 'shed' THEN reason
        WHEN 'copy' THEN 'altered' ELSE 'unsearched' END,
    sum(CASE WHEN record IN ('shed', 'unsearched') THEN count ELSE 1 END)
FROM records SEMI JOIN days USING (day)
WHERE record IN ('outcome', 'shed', 'unsearched') OR (record = 'copy'
    AND list_contains(json_extract_string(matches, '$[*].kind'), 'altered'))
GROUP BY ALL
UNION ALL
SELECT log, day, true, source, what, number
FROM (
    SELECT log, totals->>'day' AS day, 'outcome' AS source, row.outcome AS what,
        row.uploads AS number
    FROM (SELECT log, totals, unnest(from_json(totals->'outcomes',
        '[{"outcome": "VARCHAR", "uploads": "BIGINT"}]')) AS row
        FROM records WHERE record = 'total')
    UNION ALL
    SELECT log, totals->>'day', 'shed', row.reason, row.uploads
    FROM (SELECT log, totals, unnest(from_json(totals->'sheds',
        '[{"reason": "VARCHAR", "uploads": "BIGINT"}]')) AS row
        FROM records WHERE record = 'total')
    UNION ALL
    SELECT log, totals->>'day', 'copies', row.what, row.number
    FROM (SELECT log, totals, unnest([
        {'what': 'altered', 'number': (totals->>'copies')::BIGINT},
        {'what': 'unsearched', 'number': (totals->>'unsearched')::BIGINT}]) AS row
        FROM records WHERE record = 'total') WHERE row.number > 0
) SEMI JOIN gone USING (log, day);

INSERT INTO clients
SELECT log, day, client, count(*) FROM records SEMI JOIN days USING (day)
WHERE record = 'decision' AND verdict = 'MATCH' AND effect = 'REJECT'
    AND matches <> '[]' AND client IS NOT NULL
GROUP BY ALL;

INSERT INTO durations
SELECT day, bin_of(round_even(duration_ms * 1000, 0)), count(*)
FROM records SEMI JOIN days USING (day) WHERE record = 'decision' GROUP BY ALL;

INSERT INTO minutes
SELECT DISTINCT log, left(time, 16) FROM records SEMI JOIN days USING (day);

INSERT INTO changes
SELECT log, seq, day, change, "at"::TIMESTAMPTZ, "at", coalesce(subject, ''), details
FROM records WHERE record = 'change';
