-- Admission of one request: policy/quota.h says the rules, and in which order.
--
-- KEYS  1 the tenant's record states, 2 the gateway's qps window. All other keys are
--       the tenant's and begin with ARGV[1], "<prefix>{tenant}:".
-- ARGV  1 base, 2 id, 3 key id, 4 flags, 5 gateway qps, 6 reservation, 7 lease in ms,
--       8-10 day bounds, 11-13 month bounds (s); then for tenant and key each:
--       revision, rpm, qps, tpm, concurrency, credits, daily, monthly (-1: unset)
-- Reply limit, level, figure, used, wait ms, taken (1 leased, 2 reserved, 4 booked),
--       store time in us, then for tenant and key each: rpm left, tpm left,
--       concurrency left, rpm reset ms, tpm reset ms, money left (-1: no limit)
-- Bounds: windows are counted, not read; at most 1,000 old entries leave one at a time.

local base, id, key = ARGV[1], ARGV[2], ARGV[3]
local flags, gateway_qps = tonumber(ARGV[4]), tonumber(ARGV[5])
local reserve = tonumber(ARGV[6])
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local second = tonumber(clock[1])
local MINUTE, SECOND = 60000000, 1000000
local STATE, STALE, GATEWAY_QPS, QPS, RPM = 1, 2, 3, 4, 5
local CONCURRENCY, TPM, CREDITS, DAILY, MONTHLY = 6, 7, 8, 9, 10

local function has(bit) return flags % (bit * 2) >= bit end
local free, light, windows_only, may_hit = has(1), has(2), has(4), has(8)

local function level(index, name)
  local at = 14 + index * 8
  local function leaf(n) return tonumber(ARGV[at + n]) end
  return {
    index = index, name = name, rev = leaf(0), rpm = leaf(1), qps = leaf(2), tpm = leaf(3),
    concurrency = leaf(4), credits = leaf(5), daily = leaf(6), monthly = leaf(7),
    left = {-1, -1, -1, -1, -1, -1},
  }
end
local levels = {level(0, 't'), level(1, 'k:' .. key)}

local taken = 0
local function answer(limit, l, figure, used, wait)
  local a, b = levels[1].left, levels[2].left
  return {limit, l, figure, used, wait, taken, now, a[1], a[2], a[3], a[4], a[5], a[6],
          b[1], b[2], b[3], b[4], b[5], b[6]}
end
local function ms(us) return math.ceil(us / 1000) end
-- Lua's own text of a number has 14 digits; a time in us has 16.
local function before(us) return string.format('(%.0f', us) end

-- 1. Records: "revision:state", of the tenant under ".".
local states = redis.call('HMGET', KEYS[1], '.', key)
for i = 1, 2 do
  local rev, state = string.match(states[i] or '', '^(%d+):(%a+)')
  if rev then
    if state ~= 'active' then return answer(STATE, i - 1, 0, 0, -1) end
    if tonumber(rev) ~= levels[i].rev then return answer(STALE, i - 1, 0, 0, -1) end
  end
end

-- 2 to 4. Sliding windows: an entry of [now - length, now] counts.
local booked = {}
local function window(name, limit, length)
  local n = redis.call('ZCOUNT', name, now - length, '+inf')
  if n < limit then
    booked[#booked + 1] = {name, length}
    return n
  end
  local rank = redis.call('ZCARD', name) - limit
  local last = redis.call('ZRANGE', name, rank, rank, 'WITHSCORES')
  return n, ms(last[2] + length + 1 - now)
end

if gateway_qps > 0 then
  local n, wait = window(KEYS[2], gateway_qps, SECOND)
  if wait then return answer(GATEWAY_QPS, 0, gateway_qps, n, wait) end
end
for _, l in ipairs(levels) do
  if l.qps > 0 then
    local n, wait = window(base .. 'w:' .. l.name .. ':qps', l.qps, SECOND)
    if wait then return answer(QPS, l.index, l.qps, n, wait) end
  end
end
for _, l in ipairs(levels) do
  if l.rpm > 0 and not light then
    local n, wait = window(base .. 'w:' .. l.name .. ':rpm', l.rpm, MINUTE)
    if wait then
      l.left[1], l.left[4] = 0, wait
      return answer(RPM, l.index, l.rpm, n, wait)
    end
    l.left[1], l.left[4] = l.rpm - n - 1, 60000
  end
end

local function book()
  for _, w in ipairs(booked) do
    redis.call('ZADD', w[1], now, id)
    local old = redis.call('ZCOUNT', w[1], '-inf', before(now - w[2]))
    if old > 0 then redis.call('ZREMRANGEBYRANK', w[1], 0, math.min(old, 1000) - 1) end
    redis.call('PEXPIRE', w[1], w[2] / 1000 + 1000)
  end
  if #booked > 0 then taken = taken + 4 end
end

-- A soft refusal is no refusal of a hit: what a hit costs is booked, if one may come.
local function soft(limit, l, figure, used, wait)
  if may_hit then book() end
  return answer(limit, l.index, figure, used, wait)
end

if windows_only then
  book()
  return answer(0, 0, 0, 0, 0)
end

-- 5. Leases end by themselves.
for _, l in ipairs(levels) do
  if l.concurrency > 0 then
    l.live = base .. 'live:' .. l.name
    local n = redis.call('ZCOUNT', l.live, before(now), '+inf')
    l.left[3] = math.max(l.concurrency - n - 1, 0)
    if n >= l.concurrency then return soft(CONCURRENCY, l, l.concurrency, n, 1000) end
  end
end

-- 6. Tokens: buckets of a second, their sum, and the oldest.
local function tokens(name)
  local sum, low = unpack(redis.call('HMGET', name, 'sum', 'low'))
  if not sum then return 0 end
  sum, low = tonumber(sum), tonumber(low)
  if low > second - 60 then return sum, low end
  if low < second - 180 then
    redis.call('DEL', name)
    return 0
  end
  for s = low, second - 60 do
    local n = redis.call('HGET', name, s)
    if n then
      sum = sum - n
      redis.call('HDEL', name, s)
    end
  end
  redis.call('HSET', name, 'sum', sum, 'low', second - 59)
  return sum, second - 59
end

local function tokens_wait(name, low, sum, limit)
  for s = low, second do
    sum = sum - (redis.call('HGET', name, s) or 0)
    if sum < limit then return ms((s + 60) * 1000000 - now) end
  end
  return 60000
end

if not light then
  for _, l in ipairs(levels) do
    if l.tpm > 0 then
      local name = base .. 'w:' .. l.name .. ':tpm'
      local sum, low = tokens(name)
      l.left[2], l.left[5] = math.max(l.tpm - sum, 0), sum > 0 and 60000 or 0
      if sum >= l.tpm then
        local wait = tokens_wait(name, low, sum, l.tpm)
        l.left[5] = wait
        return soft(TPM, l, l.tpm, sum, wait)
      end
    end
  end
end

-- 7. Money. Reservations that ran out are given back, at most 100.
local held = base .. 'held'
local function return_expired()
  local gone = redis.call('ZRANGEBYSCORE', held, '-inf', now, 'LIMIT', 0, 100)
  for _, member in ipairs(gone) do
    local amount, where, k = string.match(member, '^[^:]+:(%d+):(%a):(.*)$')
    redis.call('ZREM', held, member)
    if where ~= 'k' then redis.call('HINCRBY', base .. 'acct:t', 'reserved', '-' .. amount) end
    if where ~= 't' then redis.call('HINCRBY', base .. 'acct:k:' .. k, 'reserved', '-' .. amount) end
  end
end

-- The period now is in, by this clock, and what was spent in it.
local function period(at, spread, first, spent)
  local begin = tonumber(ARGV[at])
  for i = 1, 2 do
    if second >= tonumber(ARGV[at + i]) then begin = tonumber(ARGV[at + i]) end
  end
  if begin - (tonumber(first) or 0) >= spread then spent = 0 end
  local ends = tonumber(ARGV[at + 1])
  if second >= ends then ends = tonumber(ARGV[at + 2]) end
  return tonumber(spent) or 0, math.max(ms(ends * 1000000 - now), 0)
end

local function has_budget(l) return l.credits >= 0 or l.daily > 0 or l.monthly > 0 end

local function money(l)
  local name = base .. 'acct:' .. l.name
  local granted, spent, reserved, day0, day, month0, month = unpack(redis.call('HMGET', name,
    'granted', 'spent', 'reserved', 'day0', 'day', 'month0', 'month'))
  local least, need = nil, math.max(reserve, 1)
  reserved = tonumber(reserved) or 0
  l.begins = l.credits >= 0 and not granted
  local function refused(limit, figure, used, wait)
    least = math.min(least or math.huge, figure - used)
    if figure - used < need then return {limit, l, figure, used, wait} end
  end
  local no
  if l.credits >= 0 then
    no = refused(CREDITS, tonumber(granted) or l.credits, (tonumber(spent) or 0) + reserved, -1)
  end
  if l.daily > 0 and not no then
    local used, wait = period(8, 43200, day0, day)
    no = refused(DAILY, l.daily, used + reserved, wait)
  end
  if l.monthly > 0 and not no then
    local used, wait = period(11, 1209600, month0, month)
    no = refused(MONTHLY, l.monthly, used + reserved, wait)
  end
  l.left[6] = math.max(least - (no and 0 or reserve), 0)
  return no
end

local holders = ''
if not free and not light then
  for _, l in ipairs(levels) do
    if has_budget(l) then
      if holders == '' then return_expired() end
      holders = holders .. l.name:sub(1, 1)
      local no = money(l)
      if no then return soft(unpack(no)) end
    end
  end
end

-- All may: now it is taken.
book()
for _, l in ipairs(levels) do
  if l.live then
    local old = redis.call('ZCOUNT', l.live, '-inf', now)
    if old > 0 then redis.call('ZREMRANGEBYRANK', l.live, 0, math.min(old, 1000) - 1) end
    redis.call('ZADD', l.live, now + ARGV[7] * 1000, id)
    redis.call('PEXPIRE', l.live, ARGV[7])
    if taken % 2 == 0 then taken = taken + 1 end
  end
  if l.begins then redis.call('HSETNX', base .. 'acct:' .. l.name, 'granted', l.credits) end
end
if holders ~= '' and reserve > 0 then
  local where = holders == 'tk' and 'b' or holders
  redis.call('ZADD', held, now + ARGV[7] * 1000, id .. ':' .. ARGV[6] .. ':' .. where .. ':' .. key)
  for _, l in ipairs(levels) do
    if has_budget(l) then redis.call('HINCRBY', base .. 'acct:' .. l.name, 'reserved', ARGV[6]) end
  end
  taken = taken + 2
end
return answer(0, 0, 0, 0, 0)
