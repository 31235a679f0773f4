-- Clients that were rejected again, and objections.

-- name: clients
-- needs: matches
SELECT [] AS key, period, 1 AS value, to_json(['clients', log, (number > 1)::VARCHAR]) AS cell
FROM rejections

-- name: clients_again
-- needs: matches
SELECT [] AS key, period, 1 AS value, to_json(['clients', log, 'true']) AS cell
FROM rejections WHERE number > 1

-- name: repeats
-- needs: matches
SELECT [] AS key, period, number - 1 AS value, to_json(['repeats', log]) AS cell
FROM rejections WHERE number > 1

-- name: objections
SELECT [state] AS key, period, 1 AS value, cell FROM objections

-- name: objections_by_means
SELECT [means] AS key, period, 1 AS value, cell FROM objections
WHERE state = 'received'

-- name: granted_by_means
SELECT [means] AS key, period, 1 AS value, cell FROM objections
WHERE state = 'reversed'
