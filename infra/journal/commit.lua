-- One turn of one host: all or nothing, and never twice.
-- ARGV is one flat list, read by next(): for every group (a partition) its owner's epoch and turn,
-- the tells that arrived, and the changes of its entities. KEYS follow the same walk.
local a, k = 0, 0
local function next_arg() a = a + 1; return ARGV[a] end
local function next_key() k = k + 1; return KEYS[k] end

local keep_s, outbox_cap = next_arg(), next_arg()
local group_n = tonumber(next_arg())
local epochs, turns, owners, applied = {}, {}, {}, {}

for g = 1, group_n do
  owners[g] = next_key()
  epochs[g] = next_arg()
  turns[g] = next_arg()
  local stored = redis.call('HMGET', owners[g], 'epoch', 'turn')
  if stored[1] ~= epochs[g] then return 'fenced' end
  applied[g] = stored[2] == turns[g]
end

for g = 1, group_n do
  local skip = applied[g]
  local live, tells, outbox = next_key(), next_key(), next_key()
  for _ = 1, tonumber(next_arg()) do
    local id = next_arg()
    if not skip then redis.call('HDEL', tells, id) end
  end
  for _ = 1, tonumber(next_arg()) do
    local records, main, aside = next_key(), next_key(), next_key()
    local address, liveness = next_arg(), next_arg()
    for _ = 1, tonumber(next_arg()) do
      local field, value = next_arg(), next_arg()
      if not skip then redis.call('HSET', records, field, value) end
    end
    for _ = 1, tonumber(next_arg()) do
      local field = next_arg()
      if not skip then redis.call('HDEL', records, field) end
    end
    local out = {}
    for _ = 1, tonumber(next_arg()) do
      local track, seq, frame = next_arg(), next_arg(), next_arg()
      if not skip then
        local timeline = track == 'm' and main or aside
        if track == 's' or track == 't' then -- scrub: replace what stands at this seq
          timeline = track == 's' and main or aside
          redis.call('ZREMRANGEBYSCORE', timeline, seq, seq)
        end
        redis.call('ZADD', timeline, seq, frame)
        out[#out + 1] = 'frame'
        out[#out + 1] = frame
      end
    end
    if #out > 0 then
      redis.call('XADD', outbox, 'MAXLEN', '~', outbox_cap, '*', 'entity', address, unpack(out))
    end
    for _ = 1, tonumber(next_arg()) do
      local id, tell = next_arg(), next_arg()
      if not skip then redis.call('HSET', tells, id, tell) end
    end
    if not skip and liveness == '1' then
      redis.call('SADD', live, address)
      redis.call('PERSIST', records)
      redis.call('PERSIST', main)
      redis.call('PERSIST', aside)
    elseif not skip and liveness == '0' then
      redis.call('SREM', live, address)
      redis.call('EXPIRE', records, keep_s)
      redis.call('EXPIRE', main, keep_s)
      redis.call('EXPIRE', aside, keep_s)
    end
  end
  if not skip then redis.call('HSET', owners[g], 'turn', turns[g]) end
end
return 'ok'
