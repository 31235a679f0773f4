-- What each means found, by itself and first, and how much of it chance explains.

-- name: alone_md5
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND list_contains(ways, 'md5')

-- name: alone_exact
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND list_has_any(ways, ['md5', 'digest'])

-- name: alone_pdq
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND list_has_any(ways, ['pdq', 'other'])

-- name: alone_altered
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND list_contains(ways, 'altered')

-- name: first_md5
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND means = 'md5'

-- name: rejected_md5
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE is_rejected AND means = 'md5'

-- name: first_digest
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND means = 'digest'

-- name: rejected_digest
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE is_rejected AND means = 'digest'

-- name: first_pdq
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND means = 'pdq'

-- name: rejected_pdq
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE is_rejected AND means = 'pdq'

-- name: first_altered
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE verdict = 'MATCH' AND means = 'altered'

-- name: rejected_altered
-- needs: matches
SELECT [] AS key, period, uploads AS value, cell FROM cells
WHERE is_rejected AND means = 'altered'

-- name: expected
-- needs: matches
-- with: rejected_*
-- keys: md5 digest pdq altered
-- The sum of E over the rejected uploads: of each the least E of its matches, and 0
-- beside an exact match.
SELECT [means] AS key, period, sum(chance) * 1e-12 AS value FROM cells
WHERE is_rejected GROUP BY GROUPING SETS ((means, period), (means))

-- name: unjudged
-- needs: matches
-- with: rejected_*
-- keys: md5 digest pdq altered
-- Rejected uploads without an exact match of which no E is on record.
SELECT [means] AS key, period, sum(unjudged) AS value FROM cells
WHERE is_rejected GROUP BY GROUPING SETS ((means, period), (means))

-- name: copies
SELECT [what] AS key, period, number AS value, cell FROM counted_events
WHERE source = 'copies'

-- name: delivered
SELECT [what] AS key, period, number AS value, cell FROM counted_events
WHERE source = 'outcome'
