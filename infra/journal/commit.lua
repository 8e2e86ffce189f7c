-- One turn of one host: all or nothing, and never twice.
-- ARGV is one flat list: for every group (a partition) its owner's epoch and turn; then for every
-- group the tells that arrived and the changes of its entities. KEYS follow the same walk.
local keep_s, outbox_cap, facts_cap, group_n = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local a, k = 5, 1
local PAIRS = 2000 -- values of one XADD: Lua cannot unpack many more
local call = redis.call

local epochs, turns, owners, applied = {}, {}, {}, {}
for g = 1, group_n do
  owners[g], epochs[g], turns[g] = KEYS[k], ARGV[a], ARGV[a + 1]
  k, a = k + 1, a + 2
  local stored = call('HMGET', owners[g], 'epoch', 'turn')
  if stored[1] ~= epochs[g] then return 'fenced' end
  applied[g] = stored[2] == turns[g]
end

for g = 1, group_n do
  local skip = applied[g]
  local live, tells, outbox, facts = KEYS[k], KEYS[k + 1], KEYS[k + 2], KEYS[k + 3]
  local acts = KEYS[k + 4]
  k = k + 5
  local n = tonumber(ARGV[a])
  for i = a + 1, a + n do
    if not skip then call('HDEL', tells, ARGV[i]) end
  end
  a = a + n + 1
  local out, said = {}, {}
  local change_n = tonumber(ARGV[a])
  a = a + 1
  for _ = 1, change_n do
    local records, main, aside = KEYS[k], KEYS[k + 1], KEYS[k + 2]
    local address, liveness = ARGV[a], ARGV[a + 1]
    local put_n, drop_n = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3])
    local frame_n, tell_n = tonumber(ARGV[a + 4]), tonumber(ARGV[a + 5])
    local fact_n = tonumber(ARGV[a + 6])
    k, a = k + 3, a + 7
    if skip then
      a = a + 2 * put_n + drop_n + 3 * frame_n + 2 * tell_n + 2 * fact_n
    else
      for _ = 1, put_n do
        call('HSET', records, ARGV[a], ARGV[a + 1])
        a = a + 2
      end
      for _ = 1, drop_n do
        call('HDEL', records, ARGV[a])
        a = a + 1
      end
      for _ = 1, frame_n do
        local track, seq, frame = ARGV[a], ARGV[a + 1], ARGV[a + 2]
        a = a + 3
        local timeline = (track == 'm' or track == 's') and main or aside
        if track == 's' or track == 't' then -- scrub: replace what stands at this seq
          call('ZREMRANGEBYSCORE', timeline, seq, seq)
        end
        call('ZADD', timeline, seq, frame)
        out[#out + 1] = address
        out[#out + 1] = frame
      end
      for _ = 1, tell_n do
        call('HSET', tells, ARGV[a], ARGV[a + 1])
        a = a + 2
      end
      for _ = 1, fact_n do
        if string.sub(ARGV[a], 1, 4) == 'act/' then -- for the audit: none is ever dropped
          call('XADD', acts, '*', ARGV[a], ARGV[a + 1])
        else
          said[#said + 1] = ARGV[a]
          said[#said + 1] = ARGV[a + 1]
        end
        a = a + 2
      end
      if liveness == '1' then
        call('SADD', live, address)
        call('PERSIST', records)
        call('PERSIST', main)
        call('PERSIST', aside)
      elseif liveness == '0' then
        call('SREM', live, address)
        call('EXPIRE', records, keep_s)
        call('EXPIRE', main, keep_s)
        call('EXPIRE', aside, keep_s)
      end
    end
  end
  if #out > 0 then
    call('XADD', outbox, 'MAXLEN', '~', outbox_cap, '*', unpack(out))
  end
  for first = 1, #said, PAIRS do
    local last = math.min(first + PAIRS - 1, #said)
    call('XADD', facts, 'MAXLEN', '~', facts_cap, '*', unpack(said, first, last))
  end
  if not skip then call('HSET', owners[g], 'turn', turns[g]) end
end
return 'ok'
