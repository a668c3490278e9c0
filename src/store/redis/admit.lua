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
-- Bounds: windows are counted, not read; at most 1,000 old entries leave one at a time.

local base, id, key = ARGV[1], ARGV[2], ARGV[3]
local flags, gateway_qps, amount = tonumber(ARGV[4]), tonumber(ARGV[5]), num(ARGV[6])
local lease = tonumber(ARGV[7])
local MINUTE, SECOND, WINDOW_MOST = 60000000, 1000000, 100000
local STATE, STALE, GATEWAY_QPS, QPS, RPM, CONCURRENCY, TPM, CREDITS = 1, 2, 3, 4, 5, 6, 7, 8

local function has(bit) return flags % (bit * 2) >= bit end
local free, light, windows_only, may_hit = has(1), has(2), has(4), has(8)
local charged = not (free or light or windows_only)

local function level(index, name)
  local function leaf(n) return tonumber(ARGV[14 + index * 8 + n]) end
  local l = {index = index, name = name, rev = leaf(0), rpm = math.min(leaf(1), WINDOW_MOST),
             qps = math.min(leaf(2), WINDOW_MOST), tpm = leaf(3), concurrency = leaf(4),
             credits = leaf(5), daily = leaf(6), monthly = leaf(7), live = base .. 'live:' .. name}
  l.has_budget = l.credits >= 0 or l.daily > 0 or l.monthly > 0
  return l
end
local levels = {level(0, 't')}
if key ~= '' then levels[2] = level(1, 'k:' .. key) end

-- ---- what is known of a level, read once ----

local function count(window)
  window.n = window.n or call('ZCOUNT', window.name, text(now - window.length), '+inf')
  return window.n
end

-- Until the nth newest entry has left a window; one exactly as old as it is long still counts.
local function until_gone(window, nth)
  local entry = call('ZRANGE', window.name, -nth, -nth, 'WITHSCORES')
  return math.floor((entry[2] + window.length - now) / 1000) + 1
end

local function running(l)
  l.running = l.running or call('ZCOUNT', l.live, '(' .. text(now), '+inf')
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
  windows[#windows + 1] = limit > 0 and w or nil
  return w
end

window(GATEWAY_QPS, levels[1], KEYS[2], math.min(gateway_qps, WINDOW_MOST), SECOND)
for _, l in ipairs(levels) do window(QPS, l, base .. 'w:' .. l.name .. ':qps', l.qps, SECOND) end
for _, l in ipairs(levels) do
  l.minute = {name = base .. 'w:' .. l.name .. ':rpm', length = MINUTE}
  if not light then l.minute = window(RPM, l, l.minute.name, l.rpm, MINUTE) end
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
      if p and p.limit - p.spent - l.reserved < math.max(amount, 1) then
        return CREDITS + i - 1, l, p.limit, math.min(p.spent + l.reserved, MOST), p.wait
      end
    end
  end
end

-- ---- taking ----

local booked, leased, holders = false, false, ''

local function book()
  for _, w in ipairs(windows) do
    call('ZADD', w.name, text(now), id)
    local old = call('ZCOUNT', w.name, '-inf', '(' .. text(now - w.length))
    if old > 0 then call('ZREMRANGEBYRANK', w.name, 0, math.min(old, 1000) - 1) end
    call('PEXPIRE', w.name, w.length / 1000 + 1000)
    w.booked, booked = true, true
  end
end

local function take_lease(l)
  call('ZADD', l.live, text(now + lease * 1000), id)
  local old = call('ZCOUNT', l.live, '-inf', text(now))
  if old > 0 then call('ZREMRANGEBYRANK', l.live, 0, math.min(old, 1000) - 1) end
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
    call('ZADD', base .. 'held', text(now + lease * 1000),
         id .. ':' .. ARGV[6] .. ':' .. where .. ':' .. key)
  end
end

-- ---- what is left ----

local function room(l)
  local left = {-1, -1, -1, -1, -1, -1}
  if l.rpm > 0 then
    local w = l.minute
    local n = count(w) + (w.booked and 1 or 0)
    left[1] = math.max(l.rpm - n, 0)
    left[4] = w.booked and MINUTE / 1000 + 1 or n == 0 and 0 or until_gone(w, 1)
  end
  if l.tpm > 0 then
    local sum = spent_tokens(l)
    left[2] = math.max(l.tpm - sum, 0)
    left[5] = sum == 0 and 0 or ms((l.last + 60) * 1000000 - now)
  end
  if l.concurrency > 0 then
    left[3] = math.max(l.concurrency - running(l) - (leased and 1 or 0), 0)
  end
  for i = 1, l.has_budget and 3 or 0 do
    local p = money(l)[i]
    if p then
      local rest = p.limit - p.spent - l.reserved - (holders ~= '' and amount or 0)
      left[6] = math.max(left[6] < 0 and rest or math.min(left[6], rest), 0)
    end
  end
  return left
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
  local rooms = no[1] or windows_only or light or free
  for _, l in ipairs(levels) do if rooms then room(l) end end
  book()
  if no[1] then return no end
  for _, l in ipairs(levels) do
    if l.concurrency > 0 and not windows_only then take_lease(l) end
  end
  if charged then take_money() end
  return {0, levels[1], 0, 0, 0}
end

local answer = decide()
answer[2] = answer[2].index
answer[6] = (leased and 1 or 0) + (holders ~= '' and 2 or 0) + (booked and 4 or 0)
answer[7] = now
for i = 1, 2 do
  local left = levels[i] and room(levels[i]) or {-1, -1, -1, -1, -1, -1}
  for _, n in ipairs(left) do answer[#answer + 1] = n end
end
return struct.pack('<' .. string.rep('i8', 19), unpack(answer))
