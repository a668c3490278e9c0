-- Accounts, usage and applied numbers of one tenant, set whatever was there.
--
-- KEYS  1 "<prefix>{tenant}:seq"
-- ARGV  1 base, 2 accounts, 3 usage rows, 4 numbers; then for each account: level, held (0, 1),
--       granted, spent, day0, day, month0, month, name of its last named grant; each row: day,
--       name, text; each number: instance, number
-- Reply 1

local base = ARGV[1]
local rows_at = 5 + tonumber(ARGV[2]) * 9
local numbers_at = rows_at + tonumber(ARGV[3]) * 3

for at = 5, rows_at - 1, 9 do call('HLEN', base .. 'acct:' .. ARGV[at]) end
for at = rows_at, numbers_at - 1, 3 do call('HLEN', base .. 'use:' .. ARGV[at]) end
local had = {}
for at = numbers_at, #ARGV - 1, 2 do had[at] = num(call('HGET', KEYS[1], ARGV[at])) end

for at = 5, rows_at - 1, 9 do
  local level, held, granted, spent, day0, day, month0, month, once = unpack(ARGV, at, at + 8)
  local name = base .. 'acct:' .. level
  call('HSET', name, 'spent', spent, 'day0', day0, 'day', day, 'month0', month0, 'month', month)
  if held == '1' then call('HSET', name, 'granted', granted) else call('HDEL', name, 'granted') end
  if once ~= '' then call('HSET', name, 'once', once) else call('HDEL', name, 'once') end
end
for at = rows_at, numbers_at - 1, 3 do
  local key = base .. 'use:' .. ARGV[at]
  call('HSET', key, ARGV[at + 1], ARGV[at + 2])
  call('EXPIRE', key, 34560000)
end
for at, number in pairs(had) do
  if num(ARGV[at + 1]) > number then call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
end
return 1
