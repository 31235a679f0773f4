-- Work, durations, minutes without a record, and how fast changes took force. These
-- numbers do not count people; some are shown only with a count (`with`).

-- name: gigabytes
-- with: uploads
SELECT [] AS key, period, sum(bytes) / 1e9 AS value
FROM cells GROUP BY GROUPING SETS ((period), ())

-- name: cpu_hours
-- with: uploads
SELECT [] AS key, period, sum(cpu_us) / 3.6e9 AS value
FROM cells GROUP BY GROUPING SETS ((period), ())

-- name: cpu_ms
-- with: uploads
SELECT [] AS key, period, sum(cpu_us) / sum(uploads) / 1000 AS value
FROM cells GROUP BY GROUPING SETS ((period), ())

-- name: cost
-- with: uploads
SELECT [] AS key, period, sum(cpu_us) / 3.6e9 * getvariable('price') AS value
FROM cells GROUP BY GROUPING SETS ((period), ())

-- name: cost_of_million
-- with: uploads
SELECT [] AS key, period,
    sum(cpu_us) / 3.6e9 * getvariable('price') / sum(uploads) * 1e6 AS value
FROM cells GROUP BY GROUPING SETS ((period), ())

-- name: percentile
-- needs: records
-- with: uploads
-- keys: 50 95 99
-- The upper edge of the bin of durations with this share below it, in milliseconds.
WITH bins AS (
    SELECT period, bin, sum(uploads) AS uploads FROM durations JOIN days USING (day)
    GROUP BY GROUPING SETS ((period, bin), (bin))
),
below AS (
    SELECT *, sum(uploads) OVER (PARTITION BY period ORDER BY bin) AS below,
        sum(uploads) OVER (PARTITION BY period) AS uploads_of_all
    FROM bins
)
SELECT [share::VARCHAR] AS key, period, edge(least(min(bin), 207)) / 1000 AS value
FROM below, (VALUES (50), (95), (99)) AS shares (share)
WHERE below * 100 >= uploads_of_all * share GROUP BY share, period

-- name: known_minutes
-- Minutes from the first record of a log to the last, of days whose records are there.
SELECT [log] AS key, period, count(*) AS value
FROM asked GROUP BY GROUPING SETS ((log, period), (log))

-- name: silent_minutes
-- Those minutes without any record of the log.
SELECT [log] AS key, period, count(*) AS value
FROM silent GROUP BY GROUPING SETS ((log, period), (log))

-- name: silent_everywhere
-- Silent minutes in which no other log has a record either.
SELECT [log] AS key, period, count(*) AS value
FROM silent ANTI JOIN minutes USING (minute)
GROUP BY GROUPING SETS ((log, period), (log))

-- name: starts
SELECT [log] AS key, period, count(*) AS value
FROM changes JOIN days USING (day) WHERE change = 'start'
GROUP BY GROUPING SETS ((log, period), (log))

-- name: spread
-- keys: number median most
-- Hours from the first log with an import of a signed set to the last.
SELECT [unnest(['number', 'median', 'most'])] AS key, period,
    unnest([count(*), round(median(hours), 2), round(max(hours), 2)]) AS value
FROM imports GROUP BY GROUPING SETS ((period), ())

-- name: spread_withdrawals
-- keys: number median most
-- The same, of those imports that withdrew entries.
SELECT [unnest(['number', 'median', 'most'])] AS key, period,
    unnest([count(*), round(median(hours), 2), round(max(hours), 2)]) AS value
FROM imports WHERE withdraws GROUP BY GROUPING SETS ((period), ())

-- name: enforced
-- keys: number median most
-- Hours from the publication of a signed set, as the issuer says, to the last log with
-- an import of it.
SELECT [unnest(['number', 'median', 'most'])] AS key, period,
    unnest([count(*), round(median(since), 2), round(max(since), 2)]) AS value
FROM imports WHERE since IS NOT NULL GROUP BY GROUPING SETS ((period), ())

-- name: released
-- keys: number median most
-- The same, of those imports that withdrew entries.
SELECT [unnest(['number', 'median', 'most'])] AS key, period,
    unnest([count(*), round(median(since), 2), round(max(since), 2)]) AS value
FROM imports WHERE withdraws AND since IS NOT NULL GROUP BY GROUPING SETS ((period), ())

-- name: answered
-- keys: number median most
-- Days from the event received of an objection to its decision.
SELECT [unnest(['number', 'median', 'most'])] AS key, period,
    unnest([count(*), round(median(days), 2), round(max(days), 2)]) AS value
FROM answers GROUP BY GROUPING SETS ((period), ())
