-- Admission of one request: policy/quota.h says the rules, and in which order.
--
-- KEYS  1 the tenant's record states, 2 the gateway's qps window. All other keys are
--       the tenant's and begin with ARGV[1], "<prefix>{tenant}:".
-- ARGV  1 base, 2 id, 3 key id or "", 4 flags, 5 gateway qps, 6 reservation, 7 lease in ms,
--       8-10 day bounds, 11-13 month bounds (s); then for tenant and key each:
--       revision, rpm, qps, tpm, concurrency, credits, daily, monthly (-1: unset);
--       30 the id of the key's record
-- Reply one text of 19 numbers, eight bytes each, the lowest byte first: limit, level,
--       figure, used, wait ms, taken (1 leased, 2 reserved, 4 booked), store time in us,
--       then for tenant and key each: rpm left, tpm left, concurrency left, rpm reset ms,
--       tpm reset ms, money left (-1: no limit)
-- Bounds: windows are counted, not read. What is too old leaves at some of the calls, at most
--       1,000 entries at once.
-- Numbers that stand alone go to Redis as they are: it writes all their digits.

local base, id, key = ARGV[1], ARGV[2], ARGV[3]
local flags, gateway_qps, amount = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local lease = tonumber(ARGV[7])
local MINUTE, SECOND = 60000000, 1000000
local STATE, STALE, GATEWAY_QPS, QPS, RPM, CONCURRENCY, TPM, CREDITS = 1, 2, 3, 4, 5, 6, 7, 8

local function has(bit) return flags % (bit * 2) >= bit end
local free, light, windows_only, may_hit = has(1), has(2), has(4), has(8)
local charged = not (free or light or windows_only)

local function level(index, name)
  local at = 14 + index * 8
  local credits, daily, monthly = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]),
                                  tonumber(ARGV[at + 7])
  return {index = index, name = name, rev = tonumber(ARGV[at]), rpm = tonumber(ARGV[at + 1]),
          qps = tonumber(ARGV[at + 2]), tpm = tonumber(ARGV[at + 3]),
          concurrency = tonumber(ARGV[at + 4]), credits = credits, daily = daily,
          monthly = monthly, has_budget = credits >= 0 or daily > 0 or monthly > 0}
end
local tenant, of_key = level(0, 't'), key ~= '' and level(1, 'k:' .. key) or nil
local levels = {tenant, of_key}

-- ---- what is known of a level, read once ----

local function count(window)
  window.n = window.n or call('ZCOUNT', window.name, now - window.length, '+inf')
  return window.n
end

-- Until the nth newest entry has left a window; one exactly as old as it is long still counts.
local function until_gone(window, nth)
  local entry = call('ZRANGE', window.name, -nth, -nth, 'WITHSCORES')
  return floor((entry[2] + window.length - now) / 1000) + 1
end

local function running(l)
  if not l.running then
    l.live = base .. 'live:' .. l.name
    l.running = call('ZCOUNT', l.live, '(' .. text(now), '+inf')
  end
  return l.running
end

local function spent_tokens(l)
  if not l.sum then l.sum, l.last = tokens(base .. 'w:' .. l.name .. ':tpm') end
  return l.sum
end

local swept
local function money(l)
  if not swept then sweep(base) end
  swept = true
  if not l.purses then
    local a = account(base, l.name)
    l.begins, l.reserved = l.credits >= 0 and not a.granted, a.reserved
    l.purses = purses(a, l.credits, l.daily, l.monthly)
  end
  return l.purses
end

-- ---- the windows that this request counts in ----

local windows = {}
local function window(what, l, name, limit, length)
  local w = {what = what, level = l, name = name, limit = limit, length = length}
  windows[#windows + 1] = w
  return w
end

if gateway_qps > 0 then window(GATEWAY_QPS, tenant, KEYS[2], gateway_qps, SECOND) end
for _, l in ipairs(levels) do
  if l.qps > 0 then window(QPS, l, base .. 'w:' .. l.name .. ':qps', l.qps, SECOND) end
end
for _, l in ipairs(levels) do
  if l.rpm > 0 then
    l.minute = {name = base .. 'w:' .. l.name .. ':rpm', length = MINUTE}
    if not light then l.minute = window(RPM, l, l.minute.name, l.rpm, MINUTE) end
  end
end

-- ---- refusals: limit, level, figure, used, wait ----

local function by_state()
  local states = call('HMGET', KEYS[1], '*', ARGV[30])
  for i, l in ipairs(levels) do
    local rev, state = string.match(states[i] or '', '^(%d+):(%a+)')
    if rev and state ~= 'active' then return STATE, l, 0, 0, -1 end
    if rev and tonumber(rev) ~= l.rev then return STALE, l, 0, 0, -1 end
  end
end

local function by_windows()
  for _, w in ipairs(windows) do
    if count(w) >= w.limit then
      return w.what, w.level, w.limit, w.n, until_gone(w, w.limit)
    end
  end
end

local function by_concurrency()
  for _, l in ipairs(levels) do
    if l.concurrency > 0 and running(l) >= l.concurrency then
      return CONCURRENCY, l, l.concurrency, l.running, 1000
    end
  end
end

local function tokens_wait(l)
  local fields, sum = {}, l.sum
  for s = second - 59, second do fields[#fields + 1] = s % 60 end
  local buckets = call('HMGET', base .. 'w:' .. l.name .. ':tpm', unpack(fields)) -- sixty
  for i = 1, 59 do
    sum = sum - num(buckets[i])
    if sum < l.tpm then return ms((second + i) * 1000000 - now) end
  end
  return ms((second + 60) * 1000000 - now)
end

local function by_tokens()
  for _, l in ipairs(levels) do
    if l.tpm > 0 and spent_tokens(l) >= l.tpm then return TPM, l, l.tpm, l.sum, tokens_wait(l) end
  end
end

local function by_money()
  for i = 1, 3 do
    for _, l in ipairs(levels) do
      local p = l.has_budget and money(l)[i]
      if p and p.limit - p.spent - l.reserved < max(amount, 1) then
        return CREDITS + i - 1, l, p.limit, min(p.spent + l.reserved, MOST), p.wait
      end
    end
  end
end

-- ---- taking ----

local booked, leased, holders = false, false, ''

-- Of a set in which so many still count; every eighth call looks.
local function trim(name, n)
  if now % 8 > 0 then return end
  local old = call('ZCARD', name) - n
  if old > 0 then call('ZREMRANGEBYRANK', name, 0, min(old, 1000) - 1) end
end

local function book()
  for _, w in ipairs(windows) do
    call('ZADD', w.name, now, id)
    trim(w.name, w.n + 1)
    call('PEXPIRE', w.name, w.length / 1000 + 1000)
    w.booked, booked = true, true
  end
end

local function take_lease(l)
  call('ZADD', l.live, now + lease * 1000, id)
  trim(l.live, l.running + 1)
  call('PEXPIRE', l.live, lease)
  leased = true
end

local function take_money()
  for _, l in ipairs(levels) do
    if l.begins then call('HSET', base .. 'acct:' .. l.name, 'granted', text(l.credits)) end
    if amount > 0 and l.has_budget then
      set_reserved(base, l.name, l.reserved + amount)
      holders = holders .. string.sub(l.name, 1, 1)
    end
  end
  if holders ~= '' then
    local where = holders == 'tk' and 'b' or holders
    call('ZADD', base .. 'held', now + lease * 1000,
         id .. ':' .. ARGV[6] .. ':' .. where .. ':' .. key)
  end
end

-- ---- what is left ----

-- Into `out` from `at` on, in the order of the reply.
local function room(l, out, at)
  for i = at, at + 5 do out[i] = -1 end
  local w = l and l.minute
  if w then
    local n = count(w) + (w.booked and 1 or 0)
    out[at] = max(l.rpm - n, 0)
    out[at + 3] = w.booked and MINUTE / 1000 + 1 or n == 0 and 0 or until_gone(w, 1)
  end
  if l and l.tpm > 0 then
    local sum = spent_tokens(l)
    out[at + 1] = max(l.tpm - sum, 0)
    out[at + 4] = sum == 0 and 0 or ms((l.last + 60) * 1000000 - now)
  end
  if l and l.concurrency > 0 then
    out[at + 2] = max(l.concurrency - running(l) - (leased and 1 or 0), 0)
  end
  for i = 1, l and l.has_budget and 3 or 0 do
    local p = money(l)[i]
    if p then
      local rest = p.limit - p.spent - l.reserved - (holders ~= '' and amount or 0)
      out[at + 5] = max(out[at + 5] < 0 and rest or min(out[at + 5], rest), 0)
    end
  end
end

-- A soft refusal is no refusal of a hit: what a hit costs is booked, if one may come.
local function decide()
  local no = {by_state()}
  if not no[1] then no = {by_windows()} end
  if no[1] then return no end
  if not windows_only then
    no = {by_concurrency()}
    if not no[1] and not light then no = {by_tokens()} end
    if not no[1] and charged then no = {by_money()} end
    if no[1] and not may_hit then return no end
  end
  -- looked at before the first write
  if no[1] or not charged then
    for _, l in ipairs(levels) do room(l, {}, 1) end
  end
  book()
  if no[1] then return no end
  for _, l in ipairs(levels) do
    if l.concurrency > 0 and not windows_only then take_lease(l) end
  end
  if charged then take_money() end
  return {0, tenant, 0, 0, 0}
end

local answer = decide()
answer[2] = answer[2].index
answer[6] = (leased and 1 or 0) + (holders ~= '' and 2 or 0) + (booked and 4 or 0)
answer[7] = now
room(tenant, answer, 8)
room(of_key, answer, 14)
return struct.pack('<i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8i8', unpack(answer)) -- 19
