-- The durable work of one `say`, the same for every peer: one call, one answer.
-- KEYS: session state (hash), timeline (sorted set). ARGV: client id, message body (JSON).
-- Returns the message's seq; a repeated client id gets the seq it got the first time.
local field = 'said:' .. ARGV[1]
local known = redis.call('HGET', KEYS[1], field)
if known then
  return {tonumber(known), 1}
end
local seq = redis.call('HINCRBY', KEYS[1], 'seq', 1)
redis.call('HSET', KEYS[1], field, seq)
redis.call('ZADD', KEYS[2], seq, ARGV[2])
return {seq, 0}
