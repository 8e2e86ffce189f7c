-- Make ARGV[1] the owner's epoch of every key in KEYS unless a newer one stands there.
for _, owner in ipairs(KEYS) do
  local stored = tonumber(redis.call('HGET', owner, 'epoch') or '0')
  if stored > tonumber(ARGV[1]) then return 'fenced' end
end
for _, owner in ipairs(KEYS) do
  redis.call('HSET', owner, 'epoch', ARGV[1], 'turn', '0')
end
return 'ok'
