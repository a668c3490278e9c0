-- Settled lines of one tenant and instance, each exactly once: a line whose number is not
-- above the instance's last applied one is skipped.
--
-- KEYS  1 "<prefix>{tenant}:seq"
-- ARGV  1 base, 2 instance, 3 how many lines, then for each 20 fields: number, id, key id,
--       levels of its reservation (t, k, b or -), reservation, cost, levels with a lease
--       (t, k, b, -), levels with a token window, levels with an account, tokens, day0,
--       month0, usage day, usage name, requests, cached, in, cache read, cache write, out
-- Reply how many were applied

local base, instance = ARGV[1], ARGV[2]
local FIELDS = 20
local last, applied = num(call('HGET', KEYS[1], instance)), 0

-- What is to be written: everything is read and summed up before.
local released, ended = {}, {} -- reservations; leases
local accounts = {}            -- as they will be, by level
local booked, rows = {}, {}    -- tokens by window; usage by day and name

local function account_of(level)
  accounts[level] = accounts[level] or account(base, level)
  return accounts[level]
end

local function release(f)
  local member = f[2] .. ':' .. f[5] .. ':' .. f[4] .. ':' .. f[3]
  if f[4] == '-' or released[member] or not call('ZSCORE', base .. 'held', member) then return end
  released[member] = true
  each(f[4], f[3], function(level)
    local a = account_of(level)
    a.reserved, a.freed = a.reserved - num(f[5]), true
  end)
end

local function free(f)
  each(f[7], f[3], function(level)
    local name = base .. 'live:' .. level
    if call('ZSCORE', name, f[2]) then ended[#ended + 1] = {name, f[2]} end
  end)
end

-- A later period begins anew, the same one (within `spread`) adds, an earlier one is past.
local function spend(a, first_name, name, first, spread, cost)
  local from = num(first)
  if a[first_name] - from >= spread then return end
  if from - a[first_name] >= spread then a[name] = 0 end
  a[first_name], a[name] = from, num(a[name] + cost)
end

local function charge(f)
  local cost = num(f[6])
  each(f[9], f[3], function(level)
    local a = account_of(level)
    a.spent, a.charged = num(a.spent + cost), true
    spend(a, 'day0', 'day', f[11], DAY, cost)
    spend(a, 'month0', 'month', f[12], MONTH, cost)
  end)
end

local function book(f)
  if f[10] == '0' then return end
  each(f[8], f[3], function(level)
    local name = base .. 'w:' .. level .. ':tpm'
    if not booked[name] then tokens(name) end
    booked[name] = num((booked[name] or 0) + num(f[10]))
  end)
end

-- One text a row: requests, cached, in, cache read, cache write, out, cost.
local function count(f)
  local key, i = base .. 'use:' .. f[13], 0
  local name = key .. '\31' .. f[14]
  local row = rows[name]
  if not row then
    row = {key = key, field = f[14], 0, 0, 0, 0, 0, 0, 0}
    for v in string.gmatch(call('HGET', key, f[14]) or '', '[^,]+') do
      i = i + 1
      row[i] = num(v)
    end
    rows[name] = row
  end
  for j = 1, 6 do row[j] = num(row[j] + num(f[14 + j])) end
  row[7] = num(row[7] + num(f[6]))
end

for i = 0, tonumber(ARGV[3]) - 1 do
  local f = {unpack(ARGV, 4 + i * FIELDS, 3 + (i + 1) * FIELDS)}
  if num(f[1]) > last then
    last, applied = num(f[1]), applied + 1
    release(f)
    free(f)
    charge(f)
    book(f)
    count(f)
  end
end
if applied == 0 then return 0 end

call('HSET', KEYS[1], instance, text(last))
for member in pairs(released) do call('ZREM', base .. 'held', member) end
for _, lease in ipairs(ended) do call('ZREM', lease[1], lease[2]) end
for level, a in pairs(accounts) do
  if a.freed then set_reserved(base, level, a.reserved) end
  if a.charged then
    call('HSET', base .. 'acct:' .. level, 'spent', text(a.spent), 'day0', text(a.day0), 'day',
         text(a.day), 'month0', text(a.month0), 'month', text(a.month))
  end
end
for name, more in pairs(booked) do book_tokens(name, more) end
for _, row in pairs(rows) do
  for i = 1, 7 do row[i] = text(row[i]) end
  call('HSET', row.key, row.field, table.concat(row, ','))
  call('EXPIRE', row.key, 34560000)
end
return applied
