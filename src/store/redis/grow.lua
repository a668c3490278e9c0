-- More reservation for a running request, if its balance allows it.
--
-- KEYS  1 "<prefix>{tenant}:held"
-- ARGV  1 base, 2 id, 3 key id, 4 levels with a budget (t, k, b), 5 what is reserved,
--       6 how much more, 7 lease in ms, 8-10 day bounds, 11-13 month bounds (s); then for
--       tenant and key each: credits, daily, monthly (-1: unset)
-- Reply 1, or 0: it can't be afforded

local base, id, key, where = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local had, more = tonumber(ARGV[5]), tonumber(ARGV[6])
local clock = redis.call('TIME')
local now, second = clock[1] * 1000000 + clock[2], tonumber(clock[1])

local names = {}
if where == 't' or where == 'b' then names[#names + 1] = {'t', 14} end
if where == 'k' or where == 'b' then names[#names + 1] = {'k:' .. key, 17} end

local function spent_in(at, spread, first, spent)
  local begin = tonumber(ARGV[at])
  for i = 1, 2 do
    if second >= tonumber(ARGV[at + i]) then begin = tonumber(ARGV[at + i]) end
  end
  if begin - (tonumber(first) or 0) >= spread then return 0 end
  return tonumber(spent) or 0
end

for _, l in ipairs(names) do
  local credits, daily, monthly = tonumber(ARGV[l[2]]), tonumber(ARGV[l[2] + 1]),
                                  tonumber(ARGV[l[2] + 2])
  local granted, spent, reserved, day0, day, month0, month = unpack(redis.call('HMGET',
    base .. 'acct:' .. l[1], 'granted', 'spent', 'reserved', 'day0', 'day', 'month0', 'month'))
  local busy = (tonumber(reserved) or 0) + more
  if credits >= 0 and (tonumber(granted) or credits) - (tonumber(spent) or 0) < busy then
    return 0
  end
  if daily > 0 and daily - spent_in(8, 43200, day0, day) < busy then return 0 end
  if monthly > 0 and monthly - spent_in(11, 1209600, month0, month) < busy then return 0 end
end

local function member(amount) return string.format('%s:%.0f:%s:%s', id, amount, where, key) end
local add = more
if redis.call('ZREM', KEYS[1], member(had)) == 0 then add = had + more end
redis.call('ZADD', KEYS[1], now + ARGV[7] * 1000, member(had + more))
for _, l in ipairs(names) do
  redis.call('HINCRBY', base .. 'acct:' .. l[1], 'reserved', string.format('%.0f', add))
end
return 1
