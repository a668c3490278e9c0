-- Admission of requests that are alike: of one key, by the same terms. Each is judged by
-- policy/quota.h, one after the other, as if it came alone.
--
-- KEYS  1 the tenant's record states, 2 the gateway's qps window. All other keys are
--       the tenant's and begin with ARGV[1], "<prefix>{tenant}:".
-- ARGV  1 base, 2 key id or "", 3 the id of the key's record, 4 numbers: 29 doubles, the lowest
--       byte first: flags, gateway qps, lease in ms, day bounds (3), month bounds (3; s), then
--       for tenant and key each: revision, rpm, qps, tpm, concurrency, credits, daily, monthly,
--       burst (-1: unset); then how many the end user may have at once, and whose limit that is;
--       5 the end user or ""; from 6 on for each request: id, reservation
-- Reply one text, for each request 19 doubles, the lowest byte first: limit, level, figure, used,
--       wait ms, taken (1 leased, 2 reserved, 4 booked), store time in us, then for tenant
--       and key each: rpm left, tpm left, concurrency left, rpm reset ms, tpm reset ms, money
--       left (-1: no limit)
-- Bounds: windows are counted, not read. What is too old leaves at every eighth call or so, at
--       most 1,000 entries at once.
-- It runs for every request, so it makes as little as it can: all is read, then decided, then
-- written, in one go.

local base, key, given = ARGV[1], ARGV[2], 
      {struct.unpack('<ddddddddddddddddddddddddddddd', ARGV[4])} -- 29
local flags, gateway_qps, lease = given[1], given[2], given[3]
local charged = flags % 8 == 0 -- none of the next two, and the model is not free
local light, windows_only, may_hit = flags % 4 >= 2, flags % 8 >= 4, flags % 16 >= 8
local looks = flags >= 16 -- only to know: nothing is taken
local MINUTE, SECOND = 60000000, 1000000
local requests, sum = (#ARGV - 5) / 2, 0
for i = 7, #ARGV, 2 do sum = sum + num(ARGV[i]) end

-- ---- all that is known of both levels ----

local levels, holders, leases = {}, '-', false
local books, tight = gateway_qps > 0, false -- does it count in a window; perhaps a limit is reached
local stamp, second_ago, minute_ago, gateway_n = text(now), nil, nil, 0
local states = call('HMGET', KEYS[1], '*', ARGV[3])

if gateway_qps > 0 then
  second_ago = text(now - SECOND)
  gateway_n = call('ZCOUNT', KEYS[2], second_ago, '+inf')
  tight = gateway_n + requests > gateway_qps
end
-- What is owed to a bucket of that rate by now, and for how many requests that is.
local function owed(name, rate, length)
  local v = call('HMGET', name, 'debt', 'at')
  local debt, at = num(v[1]), num(v[2])
  local paid = max(now - at, 0) * rate
  if debt <= paid or at > now + AHEAD then return 0, 0 end
  return debt - paid, ceil((debt - paid) / length)
end

local user_limit, user_live, user_n = given[28], nil, 0
if user_limit > 0 and ARGV[5] ~= '' then
  user_live = base .. 'live:u:' .. ARGV[5]
  user_n = call('ZCOUNT', user_live, '(' .. stamp, '+inf')
  tight, leases = tight or user_n + requests > user_limit, true
end
for i = 1, key == '' and 1 or 2 do
  local rev, rpm, qps, tpm, concurrency, credits, daily, monthly, burst =
    unpack(given, 1 + i * 9, 9 + i * 9)
  local name = i == 1 and 't' or 'k:' .. key
  local l = {name = name, rev = rev, rpm = rpm, rpm_n = 0, rpm_most = rpm,
             qps = qps, qps_n = 0, qps_most = qps, tpm = tpm, sum = 0, last = 0,
             concurrency = concurrency, running = 0, reserved = 0}
  if qps > 0 then
    second_ago = second_ago or text(now - SECOND)
    books = true
    if burst > 0 then
      l.qps_most, l.qps_name = burst, base .. 'b:' .. name .. ':qps'
      l.qps_debt, l.qps_n = owed(l.qps_name, qps, SECOND)
    else
      l.qps_name = base .. 'w:' .. name .. ':qps'
      l.qps_n = call('ZCOUNT', l.qps_name, second_ago, '+inf')
    end
    tight = tight or l.qps_n + requests > l.qps_most
  end
  if rpm > 0 then
    minute_ago = minute_ago or text(now - MINUTE)
    books = books or not light
    if burst > 0 then
      l.rpm_most, l.rpm_name = burst, base .. 'b:' .. name .. ':rpm'
      l.rpm_debt, l.rpm_n = owed(l.rpm_name, rpm, MINUTE)
    else
      l.rpm_name = base .. 'w:' .. name .. ':rpm'
      l.rpm_n = call('ZCOUNT', l.rpm_name, minute_ago, '+inf')
    end
    tight = tight or l.rpm_n + requests > l.rpm_most
  end
  if concurrency > 0 then
    l.live = base .. 'live:' .. name
    l.running = call('ZCOUNT', l.live, '(' .. stamp, '+inf')
    tight, leases = tight or l.running + requests > concurrency, true
  end
  if tpm > 0 then
    local tokens = token_windows()
    l.sum, l.last = tokens(base .. 'w:' .. name .. ':tpm')
    tight = tight or l.sum >= tpm
  end
  if credits >= 0 or daily > 0 or monthly > 0 then
    if holders == '-' and call('ZCOUNT', base .. 'held', '-inf', stamp) > 0 then
      local _, _, sweep = money()
      sweep(base, lease)
    end
    holders = i == 1 and 't' or holders == 't' and 'b' or 'k'
    if daily > 0 or monthly > 0 then
      local account, _, _, purses = money()
      local a = account(base, name)
      l.reserved, l.begins = a.reserved, credits >= 0 and not a.granted and credits
      l.purses, tight = purses(a, credits, daily, monthly, given, 4), true
    else
      local a = call('HMGET', base .. 'acct:' .. name, 'granted', 'spent', 'reserved')
      local limit, spent = num(a[1] or credits), num(a[2])
      l.reserved, l.begins = num(a[3]), not a[1] and credits
      l.purses = {{limit = limit, spent = spent, wait = -1}}
      tight = tight or limit - spent - l.reserved < sum + requests
    end
  end
  levels[i] = l
end

-- ---- may it pass? ----

-- What those before this one take, as members by score.
local booked, leased, held = {}, {}, {}
local booked_n, leased_n, reserved = 0, 0, 0

-- Until the nth newest entry has left a window, of which so many are to come; one exactly as
-- old as it is long still counts.
local function until_gone(name, nth, coming, length)
  if nth <= coming then return length / 1000 + 1 end
  local entry = call('ZRANGE', name, coming - nth, coming - nth, 'WITHSCORES')
  return floor((entry[2] + length - now) / 1000) + 1
end

-- Until a bucket has a whole request once so many have come.
local function until_paid(debt, coming, most, rate, length)
  return ceil((debt + (coming + 1 - most) * length) / (rate * 1000))
end

local refuse
if tight or states[1] or states[2] then
  local STATE, STALE, GATEWAY_QPS, QPS, RPM, CONCURRENCY, USER, TPM, CREDITS =
    1, 2, 3, 4, 5, 6, 7, 8, 9

  local function tokens_wait(l)
    local fields, left, i = {}, l.sum, 0
    for s = second - 59, second do fields[#fields + 1] = s % 60 end
    local buckets = call('HMGET', base .. 'w:' .. l.name .. ':tpm', unpack(fields)) -- sixty
    repeat
      i = i + 1
      left = left - num(buckets[i])
    until left < l.tpm or i == 60
    return ceil(((second + i) * 1000000 - now) / 1000)
  end

  local function by_state()
    for i, l in ipairs(levels) do
      local rev, state = string.match(states[i] or '', '^(%d+):(%a+)')
      if rev and state ~= 'active' then return STATE, i, 0, 0, -1 end
      if rev and tonumber(rev) ~= l.rev then return STALE, i, 0, 0, -1 end
    end
  end

  -- So many count of those that a full set has, the newest of them from then. Those far ahead
  -- go, at most 1,000 of them.
  local function without_future(name, n, newest)
    local future = min(call('ZCOUNT', name, '(' .. text(newest + AHEAD), '+inf'), 1000)
    if future > 0 then call('ZREMRANGEBYRANK', name, text(-future), '-1') end
    return n - future
  end

  local function by_windows()
    local n = gateway_n + booked_n
    if gateway_qps > 0 and n >= gateway_qps then
      gateway_n = without_future(KEYS[2], gateway_n, now)
      n = gateway_n + booked_n
    end
    if gateway_qps > 0 and n >= gateway_qps then
      return GATEWAY_QPS, 1, gateway_qps, n, until_gone(KEYS[2], gateway_qps, booked_n, SECOND)
    end
    for i, l in ipairs(levels) do
      n = l.qps_n + booked_n
      if l.qps > 0 and n >= l.qps_most and not l.qps_debt then
        l.qps_n = without_future(l.qps_name, l.qps_n, now)
        n = l.qps_n + booked_n
      end
      if l.qps > 0 and n >= l.qps_most then
        return QPS, i, l.qps, n,
               l.qps_debt and until_paid(l.qps_debt, booked_n, l.qps_most, l.qps, SECOND) or
                 until_gone(l.qps_name, l.qps, booked_n, SECOND)
      end
    end
    for i, l in ipairs(levels) do
      n = l.rpm_n + booked_n
      if l.rpm > 0 and n >= l.rpm_most and not light and not l.rpm_debt then
        l.rpm_n = without_future(l.rpm_name, l.rpm_n, now)
        n = l.rpm_n + booked_n
      end
      if l.rpm > 0 and n >= l.rpm_most and not light then
        return RPM, i, l.rpm, n,
               l.rpm_debt and until_paid(l.rpm_debt, booked_n, l.rpm_most, l.rpm, MINUTE) or
                 until_gone(l.rpm_name, l.rpm, booked_n, MINUTE)
      end
    end
  end

  local function softly(amount)
    for i, l in ipairs(levels) do
      if l.live and l.running + leased_n >= l.concurrency then
        l.running = without_future(l.live, l.running, now + lease * 1000)
      end
      if l.live and l.running + leased_n >= l.concurrency then
        return CONCURRENCY, i, l.concurrency, l.running + leased_n, 1000
      end
    end
    if user_live and user_n + leased_n >= user_limit then
      user_n = without_future(user_live, user_n, now + lease * 1000)
    end
    if user_live and user_n + leased_n >= user_limit then
      return USER, given[29] + 1, user_limit, user_n + leased_n, 1000
    end
    for i, l in ipairs(levels) do
      if l.tpm > 0 and l.sum >= l.tpm and not light then
        return TPM, i, l.tpm, l.sum, tokens_wait(l)
      end
    end
    for j = 1, charged and 3 or 0 do
      for i, l in ipairs(levels) do
        local p = l.purses and l.purses[j]
        local gone = p and p.spent + l.reserved + reserved
        if p and p.limit - gone < max(amount, 1) then
          local _, _, _, _, _, shorten = money()
          shorten(base, lease)
          return CREDITS + j - 1, i, p.limit, min(gone, MOST), p.wait
        end
      end
    end
  end

  -- Limit, level, figure, used, wait, is it hard; or nothing. The first no is the answer.
  function refuse(amount)
    local limit, level, figure, used, wait = by_state()
    if not limit then limit, level, figure, used, wait = by_windows() end
    if limit then return limit, level, figure, used, wait, true end
    if not windows_only then return softly(amount) end
  end
end

-- ---- what is left ----

local function room(l)
  if not l then return -1, -1, -1, -1, -1, -1 end
  local rpm_left, tpm_left, leases_left, rpm_ms, tpm_ms, money_left = -1, -1, -1, -1, -1, -1
  if l.rpm > 0 then
    local coming = light and 0 or booked_n
    rpm_left, rpm_ms = max(l.rpm_most - l.rpm_n - coming, 0), 0
    if l.rpm_debt then
      rpm_ms = until_paid(l.rpm_debt, coming, 1, l.rpm, MINUTE)
    elseif l.rpm_n + coming > 0 then
      rpm_ms = until_gone(l.rpm_name, 1, coming, MINUTE)
    end
  end
  if l.tpm > 0 then
    tpm_left = max(l.tpm - l.sum, 0)
    tpm_ms = l.sum == 0 and 0 or ceil(((l.last + 60) * 1000000 - now) / 1000)
  end
  if l.live then leases_left = max(l.concurrency - l.running - leased_n, 0) end
  for j = 1, l.purses and 3 or 0 do
    local p = l.purses[j]
    if p then
      local rest = max(p.limit - p.spent - l.reserved - reserved, 0)
      money_left = money_left < 0 and rest or min(money_left, rest)
    end
  end
  return rpm_left, tpm_left, leases_left, rpm_ms, tpm_ms, money_left
end

-- ---- one after the other ----

local ends, begun, answers = text(now + lease * 1000), false, {}

for at = 6, #ARGV, 2 do
  local id, amount, taken = ARGV[at], num(ARGV[at + 1]), 0
  local limit, level, figure, used, wait, hard
  if refuse then limit, level, figure, used, wait, hard = refuse(amount) end
  -- A soft refusal is no refusal of a hit: what a hit costs is booked, if one may come.
  if (not limit or may_hit and not hard) and books and not looks then
    booked_n, taken = booked_n + 1, 4
    booked[#booked + 1], booked[#booked + 2] = stamp, id
  end
  if not limit and not windows_only and not looks then
    if leases then
      leased_n, taken = leased_n + 1, taken + 1
      leased[#leased + 1], leased[#leased + 2] = ends, id
    end
    begun = charged
    if charged and amount > 0 and holders ~= '-' then
      reserved, taken = reserved + amount, taken + 2
      held[#held + 1] = ends
      held[#held + 1] = id .. ':' .. ARGV[at + 1] .. ':' .. holders .. ':' .. key
    end
  end
  local a, b, c, d, e, f = room(levels[1])
  answers[#answers + 1] = struct.pack('<ddddddddddddddddddd', limit or 0, (level or 1) - 1,
                                      figure or 0, used or 0, wait or 0, taken, now, a, b, c, d, e,
                                      f, room(levels[2])) -- 19
end

-- ---- what they take ----

-- New members of a set in which so many count already.
local function enter(name, members, n, lasts)
  if #members == 0 then return end
  call('ZADD', name, unpack(members))
  if now % 8 == 0 then
    local old = call('ZCARD', name) - n - #members / 2
    if old > 0 then call('ZREMRANGEBYRANK', name, '0', min(old, 1000) - 1) end
  end
  call('PEXPIRE', name, lasts)
end

-- What a bucket is owed from now on.
local function owe(name, debt, rate, length)
  if booked_n == 0 then return end
  debt = debt + booked_n * length
  call('HSET', name, 'debt', text(debt), 'at', stamp)
  call('PEXPIRE', name, ceil(debt / (rate * 1000)) + 1000)
end

if gateway_qps > 0 then enter(KEYS[2], booked, gateway_n, '2000') end
if user_live then enter(user_live, leased, user_n, lease) end
for i = 1, #levels do
  local l = levels[i]
  if l.qps_debt then
    owe(l.qps_name, l.qps_debt, l.qps, SECOND)
  elseif l.qps > 0 then
    enter(l.qps_name, booked, l.qps_n, '2000')
  end
  if l.rpm_debt and not light then
    owe(l.rpm_name, l.rpm_debt, l.rpm, MINUTE)
  elseif l.rpm > 0 and not light then
    enter(l.rpm_name, booked, l.rpm_n, '61000')
  end
  if l.live then enter(l.live, leased, l.running, lease) end
  if l.begins and begun then call('HSET', base .. 'acct:' .. l.name, 'granted', text(l.begins)) end
  if l.purses and reserved > 0 then
    call('HSET', base .. 'acct:' .. l.name, 'reserved', text(min(l.reserved + reserved, MOST)))
  end
end
if reserved > 0 then call('ZADD', base .. 'held', unpack(held)) end
return table.concat(answers)
