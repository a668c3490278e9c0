-- Settled lines of one tenant and instance, each exactly once: a line whose number is not
-- above the instance's last applied one is skipped.
--
-- KEYS  1 "<prefix>{tenant}:seq"
-- ARGV  1 base, 2 instance, 3 how many lines, then for each 20 fields: number, id, key id,
--       levels of its reservation (t, k, b or -), reservation, cost, levels with a lease
--       (t, k, b, -), levels with a token window, levels with an account, tokens, day0,
--       month0, usage day, usage name, requests, cached, in, cache read, cache write, out
-- Reply how many were applied

local base, instance, n = ARGV[1], ARGV[2], tonumber(ARGV[3])
local FIELDS = 20
local last = tonumber(redis.call('HGET', KEYS[1], instance) or 0)
local clock = redis.call('TIME')
local second = tonumber(clock[1])
local applied = 0

local function each(where, key, act)
  if where == 't' or where == 'b' then act('t') end
  if where == 'k' or where == 'b' then act('k:' .. key) end
end

local function release(f)
  if f[4] == '-' then return end
  local member = f[2] .. ':' .. f[5] .. ':' .. f[4] .. ':' .. f[3]
  if redis.call('ZREM', base .. 'held', member) == 1 then
    each(f[4], f[3], function(l)
      redis.call('HINCRBY', base .. 'acct:' .. l, 'reserved', '-' .. f[5])
    end)
  end
end

-- A later period begins anew, the same one (within `spread`) adds, an earlier one is past.
local function spend(name, first_field, field, first, spread, cost)
  local had = tonumber(redis.call('HGET', name, first_field) or 0)
  local from = tonumber(first)
  if from - had >= spread then
    redis.call('HSET', name, first_field, first, field, cost)
  elseif had - from < spread then
    redis.call('HSET', name, first_field, first)
    redis.call('HINCRBY', name, field, cost)
  end
end

local function charge(f)
  if f[6] == '0' then return end
  each(f[9], f[3], function(l)
    local name = base .. 'acct:' .. l
    redis.call('HINCRBY', name, 'spent', f[6])
    spend(name, 'day0', 'day', f[11], 43200, f[6])
    spend(name, 'month0', 'month', f[12], 1209600, f[6])
  end)
end

local function book_tokens(f)
  if f[10] == '0' then return end
  each(f[8], f[3], function(l)
    local name = base .. 'w:' .. l .. ':tpm'
    redis.call('HINCRBY', name, second, f[10])
    redis.call('HINCRBY', name, 'sum', f[10])
    redis.call('HSETNX', name, 'low', second)
    redis.call('EXPIRE', name, 121)
  end)
end

local rows, days = {}, {}
local function count(f)
  local name = f[13] .. '\31' .. f[14]
  local row = rows[name]
  if not row then
    row = {f[13], f[14], 0, 0, 0, 0, 0, 0, 0}
    rows[name] = row
    days[#days + 1] = name
  end
  for i = 0, 5 do row[3 + i] = row[3 + i] + tonumber(f[15 + i]) end
  row[9] = row[9] + tonumber(f[6])
end

-- One text a row: requests, cached, in, cache read, cache write, out, cost.
local function write_usage()
  for _, name in ipairs(days) do
    local row = rows[name]
    local key = base .. 'use:' .. row[1]
    local had, i = redis.call('HGET', key, row[2]), 3
    for v in string.gmatch(had or '', '[^,]+') do
      row[i] = row[i] + tonumber(v)
      i = i + 1
    end
    redis.call('HSET', key, row[2], string.format('%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f',
      row[3], row[4], row[5], row[6], row[7], row[8], row[9]))
    redis.call('EXPIRE', key, 34560000)
  end
end

for i = 0, n - 1 do
  local f = {unpack(ARGV, 4 + i * FIELDS, 3 + (i + 1) * FIELDS)}
  local number = tonumber(f[1])
  if number > last then
    last = number
    applied = applied + 1
    release(f)
    each(f[7], f[3], function(l) redis.call('ZREM', base .. 'live:' .. l, f[2]) end)
    charge(f)
    book_tokens(f)
    count(f)
  end
end
if applied > 0 then
  redis.call('HSET', KEYS[1], instance, string.format('%.0f', last))
  write_usage()
end
return applied
