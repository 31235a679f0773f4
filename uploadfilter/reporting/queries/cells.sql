-- The second step: put the counts of all days together. A cell is a class of uploads
-- that agree in every column; each upload is in one cell, and each figure is a sum
-- over cells.

-- name: cells
CREATE OR REPLACE TEMP TABLE total_days AS
SELECT log, day FROM totals UNION SELECT log, day FROM events WHERE of_total;

CREATE OR REPLACE TEMP TABLE cells AS
WITH lost AS (SELECT * FROM decisions SEMI JOIN total_days USING (log, day)),
found AS (SELECT * REPLACE ([] AS labels) FROM lost WHERE len(ways) > 0),
rest AS (
    SELECT * REPLACE (greatest(uploads, 0) AS uploads)
    FROM (
        SELECT log, day, mode, route, verdict, action, effect, reason, would,
            would_reason, status, [] AS ways, [] AS labels, sum(uploads) AS uploads,
            sum(bytes) AS bytes, sum(cpu_us) AS cpu_us, 0 AS chance, 0 AS unjudged
        FROM (
            SELECT * FROM totals WHERE len(labels) = 0
            UNION ALL
            SELECT * EXCLUDE (ways, chance, unjudged)
                REPLACE (-uploads AS uploads, 0 AS bytes, 0 AS cpu_us) FROM found)
        GROUP BY ALL)
),
every AS (
    SELECT * FROM decisions ANTI JOIN total_days USING (log, day)
    UNION ALL SELECT * REPLACE (0 AS bytes, 0 AS cpu_us) FROM found
    UNION ALL SELECT * FROM rest
)
SELECT period, log, mode, route, verdict, action, effect, reason, would, would_reason,
    status, ways, labels,
    CASE WHEN list_contains(getvariable('exempt'), reason) THEN 'exempt'
         WHEN list_contains(getvariable('refused'), reason) THEN 'refused'
         WHEN list_contains(getvariable('incapable'), reason) THEN 'incapable'
         ELSE 'inspected' END AS inspection,
    -- The simplest means that found it.
    CASE WHEN list_contains(ways, 'md5') THEN 'md5'
         WHEN list_contains(ways, 'digest') THEN 'digest'
         WHEN list_has_any(ways, ['pdq', 'other']) THEN 'pdq'
         WHEN list_contains(ways, 'altered') THEN 'altered' END AS means,
    verdict = 'MATCH' AND effect = 'REJECT' AS is_rejected,
    to_json([log, mode, route, verdict, action, effect, reason, would, would_reason,
             status::VARCHAR, ways::VARCHAR, to_json(labels)::VARCHAR])::VARCHAR AS cell,
    sum(uploads) AS uploads, sum(bytes) AS bytes, sum(cpu_us) AS cpu_us,
    sum(chance) AS chance, sum(unjudged) AS unjudged
FROM every JOIN days USING (day) GROUP BY ALL;

-- Where records are gone, their day's total names the sets.
CREATE OR REPLACE TEMP TABLE listed AS
SELECT period, unnest(labels) AS label, uploads, cell FROM cells
UNION ALL
SELECT period, labels[1], uploads, to_json([log, to_json(labels[1])::VARCHAR])::VARCHAR
FROM totals JOIN days USING (day) WHERE len(labels) > 0;

CREATE OR REPLACE TEMP TABLE counted_events AS
SELECT period, source, what, to_json([source, log, what])::VARCHAR AS cell, number
FROM events JOIN days USING (day) LEFT JOIN total_days USING (log, day)
WHERE of_total = (total_days.log IS NOT NULL);

CREATE OR REPLACE TEMP TABLE rejections AS
SELECT period, log, sum(rejections) AS number
FROM clients JOIN days USING (day) GROUP BY period, day, log, client;

CREATE OR REPLACE TEMP TABLE objections AS
SELECT period, details->>'state' AS state,
    CASE WHEN details->>'signal_type' IS NULL THEN 'unknown'
         ELSE way(details->>'signal_type', coalesce(details->>'kind', 'within')) END
        AS means,
    to_json(['objection', log, details->>'state', details->>'signal_type',
             details->>'kind'])::VARCHAR AS cell
FROM changes JOIN days ON days.day = left(at_text, 10) WHERE change = 'objection';

-- Each objection counts from its first event received to its first decision after that.
CREATE OR REPLACE TEMP TABLE answers AS
WITH turns AS (
    SELECT log, seq, "at", at_text, subject, details->>'state' <> 'received' AS is_end
    FROM changes WHERE change = 'objection' AND details->>'state' IN ('received',
        'stands', 'reversed')
),
numbered AS (
    SELECT *, coalesce(count(*) FILTER (is_end) OVER (PARTITION BY log, subject
        ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS turn
    FROM turns
),
paired AS (
    SELECT arg_min("at", seq) FILTER (NOT is_end) AS first,
        any_value("at") FILTER (is_end) AS last,
        any_value(at_text) FILTER (is_end) AS at_text
    FROM numbered GROUP BY log, subject, turn
)
SELECT period, date_diff('microseconds', first, last) / 864e8 AS days
FROM paired JOIN days ON days.day = left(at_text, 10) WHERE first IS NOT NULL;

-- A minute without a record is silent: the proxy did not run or could not write.
CREATE OR REPLACE TEMP TABLE asked AS
SELECT log, period, minute
FROM (
    SELECT log, period, day,
        day || 'T' || strftime(TIMESTAMP '2000-01-01' + to_minutes("at"), '%H:%M') AS minute
    FROM days, logs, range(1440) AS whole ("at")
    WHERE day BETWEEN left(since, 10) AND left(until, 10)) AS every
JOIN logs USING (log)
ANTI JOIN gone USING (log, day)
WHERE (day > left(since, 10) OR minute >= left(since, 16))
    AND (day < left(until, 10) OR minute <= left(until, 16));
CREATE OR REPLACE TEMP TABLE silent AS SELECT * FROM asked ANTI JOIN minutes USING (log, minute);

-- One row for each signed set: when the first log and the last had it.
CREATE OR REPLACE TEMP TABLE imports AS
WITH firsts AS (
    SELECT subject, (details->>'sequence')::BIGINT AS sequence, log,
        arg_min("at", seq) AS "at", arg_min(at_text, seq) AS at_text,
        coalesce(arg_min(try_cast(details->>'withdrawn' AS BIGINT), seq), 0) > 0 AS withdraws
    FROM changes
    WHERE change = 'import' AND json_type(details, '$.sequence') IN ('UBIGINT', 'BIGINT')
    GROUP BY ALL
),
sets AS (
    SELECT subject, sequence, min("at") AS first, max("at") AS last, min(at_text) AS at_text,
        bool_or(withdraws) AS withdraws
    FROM firsts GROUP BY subject, sequence
)
SELECT period, subject, sequence, withdraws,
    date_diff('microseconds', first, last) / 36e8 AS hours,
    date_diff('microseconds', published."at", last) / 36e8 AS since
FROM sets JOIN days ON days.day = left(at_text, 10)
LEFT JOIN published ON published."set" = subject AND published.number = sequence;

-- name: counts
-- Each period, and the whole time (no period). A small count can point to a person. Of
-- many rows, the smallest count together as *.
WITH figure AS (
    {query}
),
large AS (
    SELECT key, row_number() OVER (ORDER BY sum(figure.value) DESC, key) AS place
    FROM figure GROUP BY key
),
folded AS (
    SELECT CASE WHEN place > {most_rows} THEN list_transform(key, lambda it: '*')
           ELSE key END AS key, period, value, cell
    FROM figure JOIN large USING (key)
)
SELECT key, period, sum(folded.value) AS value,
    sum(folded.value) BETWEEN 1 AND getvariable('least') - 1 AS is_small,
    list(DISTINCT cell) AS cells
FROM folded GROUP BY GROUPING SETS ((key, period), (key)) ORDER BY key, period
