-- What the scripts share; it stands before each of them.
--
-- Redis takes nothing back when a script fails half way. So each first reads all that it is
-- going to touch, where a key of another type or a number that is none ends it, and
-- writes when nothing but a full memory can fail any more: Redis looks at that before a
-- script's first write, and not again.
-- Numbers are doubles, exact up to 2^53: every sum ends at MOST. Lua's own text of a number
-- has 14 digits, text() has all of them.
-- Names are made of ARGV[1], "<prefix>{tenant}:", which most scripts call `base`.

local call = redis.call
local tonumber, unpack, ipairs = tonumber, unpack, ipairs
local max, min, floor, ceil = math.max, math.min, math.floor, math.ceil
local clock = redis.call('TIME')
local second = tonumber(clock[1])
local now = second * 1000000 + tonumber(clock[2]) -- us
local MOST = 9007199254740991
local DAY, MONTH = 43200, 1209600 -- first seconds closer than this are of one period
local YEAR = 31622400
local TOKENS_MOST = 140737488355328 -- of one bucket: the sum of sixty is exact

local function text(n) return string.format('%.0f', n) end
local function num(v) return max(-MOST, min(MOST, tonumber(v or 0))) end
local function ms(us) return ceil(us / 1000) end

-- `where` names levels: t, k, b (both) or -.
local function each(where, key, act)
  if where == 't' or where == 'b' then act('t') end
  if (where == 'k' or where == 'b') and key ~= '' then act('k:' .. key) end
end

-- ---- accounts ----

local function account(base, level)
  local v = call('HMGET', base .. 'acct:' .. level, 'granted', 'spent', 'reserved', 'day0', 'day',
                 'month0', 'month')
  return {granted = v[1] and num(v[1]), spent = num(v[2]), reserved = num(v[3]), day0 = num(v[4]),
          day = num(v[5]), month0 = num(v[6]), month = num(v[7])}
end

local function set_reserved(base, level, n)
  call('HSET', base .. 'acct:' .. level, 'reserved', text(max(n, 0)))
end

-- Reservations that ran out are given back, at most 100. Other keys' accounts are touched:
-- what is wrong with one of them is no matter of this call.
local function sweep(base)
  local held = base .. 'held'
  for _, member in ipairs(call('ZRANGEBYSCORE', held, '-inf', now, 'LIMIT', 0, 100)) do
    local amount, where, key = string.match(member, '^[^:]*:(%d+):(%a):(.*)$')
    call('ZREM', held, member)
    if amount then
      each(where, key, function(level)
        pcall(function() set_reserved(base, level, account(base, level).reserved - amount) end)
      end)
    end
  end
end

-- The period that now is in, of those whose bounds are in ARGV from `at` on: begin, end.
local function period(at)
  local a, b, c = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  if second < b then return a, b end
  if second < c then return b, c end
  return c, c + c - b
end

local function in_period(at, spread, first, spent, limit)
  local begin, ends = period(at)
  local left = min(ends - second, YEAR)
  if begin - first >= spread then spent = 0 end
  return {limit = limit, spent = spent, wait = max(ms(left * 1000000 - now % 1000000), 0)}
end

-- What is set of credits, daily and monthly; day bounds are ARGV 8 to 10, the month's 11 to 13.
local function purses(a, credits, daily, monthly)
  return {
    credits >= 0 and {limit = a.granted or credits, spent = a.spent, wait = -1},
    daily > 0 and in_period(8, DAY, a.day0, a.day, daily),
    monthly > 0 and in_period(11, MONTH, a.month0, a.month, monthly),
  }
end

-- ---- windows of tokens ----
-- A hash: sixty buckets of a second in a ring (fields 0 to 59), their sum, the second up to
-- which the ring was turned (at), and that of the last booking (last).

-- Turned to this second: sum, last.
local function tokens(name)
  local v = call('HMGET', name, 'sum', 'at', 'last')
  local sum, at, fields = num(v[1]), num(v[2]), {}
  if second - at >= 60 then
    if v[1] then call('DEL', name) end
    return 0, 0
  end
  if second <= at then return sum, num(v[3]) end
  for s = at + 1, second do fields[#fields + 1] = s % 60 end
  local old = call('HMGET', name, unpack(fields)) -- at most 59
  for i, n in ipairs(fields) do
    if old[i] then
      sum = sum - num(old[i])
      call('HDEL', name, n)
    end
  end
  call('HSET', name, 'sum', text(sum), 'at', second)
  return sum, num(v[3])
end

local function book_tokens(name, more)
  local sum = tokens(name)
  local had = num(call('HGET', name, second % 60))
  more = min(more, TOKENS_MOST - had)
  call('HSET', name, second % 60, text(had + more), 'sum', text(sum + more), 'at', second, 'last',
       second)
  call('EXPIRE', name, 61)
end

-- ---- the script ----

