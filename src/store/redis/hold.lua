-- Leases and reservations of running requests of one tenant: prolonged, or given back.
--
-- KEYS  1 "<prefix>{tenant}:held", 2 the gateway's qps window
-- ARGV  1 base, 2 "renew" or "back", 3 lease in ms, then for each 8 fields:
--       id, key id, levels of its reservation (t, k, b or -), reservation, levels with a
--       lease (t, k, b or -), 1 if its windows are given back (2: not rpm), its end user or "",
--       levels with buckets in place of windows (t, k, b or -)
-- Reply 1, or the first error
-- A renewal brings back what had run out meanwhile. All of it but what goes back into buckets
-- is idempotent by id, and each
-- set is done by itself: what can't be does not keep the others.

local base, renew, lease = ARGV[1], ARGV[2] == 'renew', ARGV[3]
local ends = text(now + lease * 1000)
local trouble

local function try(...)
  local done = redis.pcall(...)
  if type(done) ~= 'table' then return done end
  trouble = trouble or done
  return 0
end

-- What goes into, or leaves, one set; reservations of one amount and key are one of their own.
local sets, names = {}, {}
local function add(name, member)
  local set = sets[name]
  if not set then
    set = {}
    sets[name], names[#names + 1] = set, name
  end
  if renew then set[#set + 1] = ends end
  set[#set + 1] = member
end

local function change(name, set)
  if renew then return try('ZADD', name, unpack(set)) end
  return try('ZREM', name, unpack(set))
end

-- Into buckets: what is owed for a request.
local function pay(name, parts)
  local owed = tonumber(try('HGET', name, 'debt') or 0)
  if owed and owed > 0 then try('HSET', name, 'debt', text(max(owed - parts, 0))) end
end

local function refill(level, booked)
  pay(base .. 'b:' .. level .. ':qps', 1000000)
  if booked == '1' then pay(base .. 'b:' .. level .. ':rpm', 60000000) end
end

for at = 4, #ARGV, 8 do
  local id, key, where, amount, leased, booked, user, bursts = unpack(ARGV, at, at + 7)
  if where ~= '-' then
    add(where .. ':' .. amount .. ':' .. key, id .. ':' .. amount .. ':' .. where .. ':' .. key)
  end
  if leased == 't' or leased == 'b' then add(base .. 'live:t', id) end
  if (leased == 'k' or leased == 'b') and key ~= '' then add(base .. 'live:k:' .. key, id) end
  if user ~= '' then add(base .. 'live:u:' .. user, id) end
  if booked ~= '0' and not renew then
    if bursts == 't' or bursts == 'b' then refill('t', booked) end
    if (bursts == 'k' or bursts == 'b') and key ~= '' then refill('k:' .. key, booked) end
    add(KEYS[2], id)
    add(base .. 'w:t:qps', id)
    add(base .. 'w:t:rpm', id)
    if key ~= '' then
      add(base .. 'w:k:' .. key .. ':qps', id)
      add(base .. 'w:k:' .. key .. ':rpm', id)
    end
  end
end

local function account(level, by)
  local name = base .. 'acct:' .. level
  if try('HINCRBY', name, 'reserved', text(by)) < 0 then try('HSET', name, 'reserved', '0') end
end

for _, name in ipairs(names) do
  local where, amount, key = string.match(name, '^([tkb]):(%d+):(.*)$')
  if where then
    local by = change(KEYS[1], sets[name]) * (renew and amount or -amount)
    if by ~= 0 and where ~= 'k' then account('t', by) end
    if by ~= 0 and where ~= 't' and key ~= '' then account('k:' .. key, by) end
  else
    change(name, sets[name])
    if renew then try('PEXPIRE', name, lease) end
  end
end
return trouble or 1
