-- Uploads by what became of them, with and without a decision.

-- name: uploads
SELECT [] AS key, period, uploads AS value, cell FROM cells

-- name: inspected
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE inspection = 'inspected'

-- name: exempt
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE inspection = 'exempt'

-- name: refused
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE inspection = 'refused'

-- name: incapable
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE inspection = 'incapable'

-- name: matched
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH'

-- name: rejected
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE is_rejected

-- name: monitored
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND effect = 'ACCEPT'

-- name: would_reject
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND would = 'REJECT'

-- name: not_matched
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'NO_MATCH' AND inspection = 'inspected'

-- name: inconclusive
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'INCONCLUSIVE' AND inspection = 'inspected'

-- name: inconclusive_by_reason
-- above: inconclusive
SELECT [reason, effect] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'INCONCLUSIVE' AND inspection = 'inspected'

-- name: rejected_unmatched
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict <> 'MATCH' AND effect = 'REJECT'

-- name: shed
SELECT [] AS key, period, number AS value, cell FROM counted_events
WHERE source = 'shed'

-- name: shed_by_reason
-- above: shed
SELECT [what] AS key, period, number AS value, cell FROM counted_events
WHERE source = 'shed'

-- name: incapable_by_reason
-- above: incapable
SELECT [reason] AS key, period, uploads AS value, cell FROM cells
WHERE inspection = 'incapable'

-- name: uploads_by_route
-- above: uploads
SELECT [route] AS key, period, uploads AS value, cell FROM cells

-- name: uploads_by_log
-- above: uploads
SELECT [log] AS key, period, uploads AS value, cell FROM cells

-- name: matched_by_route
-- above: matched
SELECT [route] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH'

-- name: matched_by_log
-- above: matched
SELECT [log] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH'

-- name: listed_by_set
SELECT [label."set", label.category, label.state] AS key, period, uploads AS value, cell
FROM listed
