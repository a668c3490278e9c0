-- Settled lines of one tenant and instance, each exactly once: a line whose number is not
-- above the instance's last applied one is skipped.
--
-- KEYS  1 "<prefix>{tenant}:seq"
-- ARGV  1 base, 2 instance, then for each line 6: id, key id, reservation, usage day, usage
--       name, and 15 doubles, the lowest byte first: number, levels of its reservation, of its
--       leases, with a token window, with an account (1 tenant, 2 key, 3 both), cost, tokens,
--       day0, month0, requests, cached, in, cache read, cache write, out
-- Reply how many were applied

local base, instance = ARGV[1], ARGV[2]
local LEVELS = {[0] = '-', 't', 'k', 'b'}
local DAY, MONTH = 43200, 1209600 -- first seconds closer than this are of one period
local account, set_reserved, tokens, book_tokens
local last, applied = num(call('HGET', KEYS[1], instance)), 0

-- What is to be written: everything is read and summed up before.
local released, ended = {}, {} -- reservations; leases by set
local accounts = {}            -- as they will be, by level
local booked, rows = {}, {}    -- tokens by window; usage by day and name

local function account_of(level)
  local a = accounts[level]
  if not a then
    if not account then account, set_reserved = money() end
    a = account(base, level)
    accounts[level] = a
  end
  return a
end

-- A later period begins anew, the same one (within `spread`) adds, an earlier one is past.
local function spend(a, first_name, name, from, spread, cost)
  if a[first_name] - from >= spread then return end
  if from - a[first_name] >= spread then a[name] = 0 end
  a[first_name], a[name] = from, num(a[name] + cost)
end

local function charge(level, cost, day0, month0)
  local a = account_of(level)
  a.spent, a.charged = num(a.spent + cost), true
  spend(a, 'day0', 'day', day0, DAY, cost)
  spend(a, 'month0', 'month', month0, MONTH, cost)
end

local function free(level, amount)
  local a = account_of(level)
  a.reserved, a.freed = a.reserved - amount, true
end

local function leave(level, id)
  local name = base .. 'live:' .. level
  if call('ZRANK', name, id) then
    ended[name] = ended[name] or {}
    table.insert(ended[name], id)
  end
end

local function book(level, more)
  local name = base .. 'w:' .. level .. ':tpm'
  if not tokens then tokens, book_tokens = token_windows() end
  if not booked[name] then tokens(name) end
  booked[name] = num((booked[name] or 0) + more)
end

-- One text a row: requests, cached, in, cache read, cache write, out, cost.
local function row_of(day, field)
  local name = day .. '\31' .. field
  local row, i = rows[name], 0
  if not row then
    row = {0, 0, 0, 0, 0, 0, 0, key = base .. 'use:' .. day, field = field}
    for v in string.gmatch(call('HGET', row.key, field) or '', '[^,]+') do
      i = i + 1
      row[i] = num(v)
    end
    rows[name] = row
  end
  return row
end

for at = 3, #ARGV, 6 do
  local id, key, amount, day, field = unpack(ARGV, at, at + 4)
  local number, reserved_by, leased_by, booked_by, charged_by, cost, more, day0, month0, requests,
        cached, tokens_in, read, write, out = struct.unpack('<ddddddddddddddd', ARGV[at + 5]) -- 15
  if number > last then
    local of_key = key ~= '' and 'k:' .. key
    last, applied = number, applied + 1
    if reserved_by > 0 then
      local member = id .. ':' .. amount .. ':' .. LEVELS[reserved_by] .. ':' .. key
      if not released[member] and call('ZRANK', base .. 'held', member) then
        released[member] = true
        released[#released + 1] = member
        if reserved_by ~= 2 then free('t', num(amount)) end
        if reserved_by ~= 1 and of_key then free(of_key, num(amount)) end
      end
    end
    if leased_by % 2 == 1 then leave('t', id) end
    if leased_by >= 2 and of_key then leave(of_key, id) end
    if charged_by % 2 == 1 then charge('t', cost, day0, month0) end
    if charged_by >= 2 and of_key then charge(of_key, cost, day0, month0) end
    if more > 0 and booked_by % 2 == 1 then book('t', more) end
    if more > 0 and booked_by >= 2 and of_key then book(of_key, more) end
    local row = row_of(day, field)
    row[1], row[2] = num(row[1] + requests), num(row[2] + cached)
    row[3], row[4] = num(row[3] + tokens_in), num(row[4] + read)
    row[5], row[6] = num(row[5] + write), num(row[6] + out)
    row[7] = num(row[7] + cost)
  end
end
if applied == 0 then return 0 end

call('HSET', KEYS[1], instance, text(last))
if #released > 0 then call('ZREM', base .. 'held', unpack(released)) end
for name, ids in pairs(ended) do call('ZREM', name, unpack(ids)) end
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
  call('EXPIRE', row.key, '34560000')
end
return applied
