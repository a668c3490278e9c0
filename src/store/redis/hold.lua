-- Leases and reservations of running requests of one tenant: prolonged, or given back.
--
-- KEYS  1 "<prefix>{tenant}:held", 2 the gateway's qps window
-- ARGV  1 base, 2 "renew" or "back", 3 lease in ms, 4 how many, then for each 6 fields:
--       id, key id, levels of its reservation (t, k, b or -), reservation, levels with a
--       lease, 1 if its windows are given back
-- A renewal brings back what had run out meanwhile. All of it is idempotent by id.

local base, renew, lease = ARGV[1], ARGV[2] == 'renew', tonumber(ARGV[3])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local ends = now + lease * 1000

local function each(where, key, act)
  if where == 't' or where == 'b' then act('t') end
  if where == 'k' or where == 'b' then act('k:' .. key) end
end

local function reservation(id, key, where, amount)
  local member = id .. ':' .. amount .. ':' .. where .. ':' .. key
  local changed
  if renew then
    changed = redis.call('ZADD', KEYS[1], ends, member)
  else
    changed = redis.call('ZREM', KEYS[1], member)
  end
  if changed == 1 then
    each(where, key, function(l)
      redis.call('HINCRBY', base .. 'acct:' .. l, 'reserved', renew and amount or '-' .. amount)
    end)
  end
end

local function leases(id, key, where)
  each(where, key, function(l)
    local name = base .. 'live:' .. l
    if renew then
      redis.call('ZADD', name, ends, id)
      redis.call('PEXPIRE', name, lease)
    else
      redis.call('ZREM', name, id)
    end
  end)
end

local function windows(id, key)
  redis.call('ZREM', KEYS[2], id)
  each('b', key, function(l)
    redis.call('ZREM', base .. 'w:' .. l .. ':qps', id)
    redis.call('ZREM', base .. 'w:' .. l .. ':rpm', id)
  end)
end

for i = 0, tonumber(ARGV[4]) - 1 do
  local id, key, where, amount, leased, booked = unpack(ARGV, 5 + i * 6, 10 + i * 6)
  if where ~= '-' then reservation(id, key, where, amount) end
  if leased ~= '-' then leases(id, key, leased) end
  if booked == '1' and not renew then windows(id, key) end
end
return 1
