-- Leases and reservations of running requests of one tenant: prolonged, or given back.
--
-- KEYS  1 "<prefix>{tenant}:held", 2 the gateway's qps window
-- ARGV  1 base, 2 "renew" or "back", 3 lease in ms, 4 how many, then for each 6 fields:
--       id, key id, levels of its reservation (t, k, b or -), reservation, levels with a
--       lease (t, k, b or -), 1 if its windows are given back
-- Reply 1, or the first error
-- A renewal brings back what had run out meanwhile. All of it is idempotent by id, and each
-- piece is done by itself: what can't be does not keep the others.

local base, renew, lease = ARGV[1], ARGV[2] == 'renew', tonumber(ARGV[3])
local ends = text(now + lease * 1000)
local trouble

local function try(...)
  local done = redis.pcall(...)
  if type(done) ~= 'table' then return done end
  trouble = trouble or done
  return 0
end

local function reservation(id, key, where, amount)
  local member = id .. ':' .. amount .. ':' .. where .. ':' .. key
  local changed
  if renew then
    changed = try('ZADD', KEYS[1], ends, member)
  else
    changed = try('ZREM', KEYS[1], member)
  end
  if changed == 0 then return end
  each(where, key, function(level)
    local name = base .. 'acct:' .. level
    if try('HINCRBY', name, 'reserved', renew and amount or '-' .. amount) < 0 then
      try('HSET', name, 'reserved', 0)
    end
  end)
end

local function leases(id, key, where)
  each(where, key, function(level)
    local name = base .. 'live:' .. level
    if renew then
      try('ZADD', name, ends, id)
      try('PEXPIRE', name, lease)
    else
      try('ZREM', name, id)
    end
  end)
end

local function windows(id, key)
  try('ZREM', KEYS[2], id)
  each('b', key, function(level)
    try('ZREM', base .. 'w:' .. level .. ':qps', id)
    try('ZREM', base .. 'w:' .. level .. ':rpm', id)
  end)
end

for i = 0, tonumber(ARGV[4]) - 1 do
  local id, key, where, amount, leased, booked = unpack(ARGV, 5 + i * 6, 10 + i * 6)
  if where ~= '-' then reservation(id, key, where, amount) end
  leases(id, key, leased)
  if booked == '1' and not renew then windows(id, key) end
end
return trouble or 1
