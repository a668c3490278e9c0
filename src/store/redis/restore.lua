-- Accounts, usage and applied numbers of one tenant, set whatever was there.
--
-- KEYS  1 "<prefix>{tenant}:seq"
-- ARGV  1 base, 2 accounts, 3 usage rows, 4 numbers; then for each account: level, held (0, 1),
--       granted, spent, day0, day, month0, month; each row: day, name, text; each number:
--       instance, number

local base, at = ARGV[1], 5

for _ = 1, tonumber(ARGV[2]) do
  local level, held, granted, spent, day0, day, month0, month = unpack(ARGV, at, at + 7)
  local name = base .. 'acct:' .. level
  redis.call('HSET', name, 'spent', spent, 'day0', day0, 'day', day, 'month0', month0,
             'month', month)
  if held == '1' then
    redis.call('HSET', name, 'granted', granted)
  else
    redis.call('HDEL', name, 'granted')
  end
  at = at + 8
end
for _ = 1, tonumber(ARGV[3]) do
  local key = base .. 'use:' .. ARGV[at]
  redis.call('HSET', key, ARGV[at + 1], ARGV[at + 2])
  redis.call('EXPIRE', key, 34560000)
  at = at + 3
end
for _ = 1, tonumber(ARGV[4]) do
  local had = tonumber(redis.call('HGET', KEYS[1], ARGV[at]) or 0)
  if tonumber(ARGV[at + 1]) > had then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
  end
  at = at + 2
end
return 1
