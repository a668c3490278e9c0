-- Accounts and reservations. All of it stands in a function, so that who needs none of it does
-- not make it: account, set_reserved, sweep, purses, named, shorten = money()

local AHEAD = 5000000 -- what lies beyond that was written before Redis' clock was set back
local DAY, MONTH = 43200, 1209600 -- first seconds closer than this are of one period

local function money()
  -- `where` names levels: t, k, b (both) or -; here is what they are called in keys.
  local function named(where, key)
    if where == 't' or where == 'b' and key == '' then return {'t'} end
    if where == '-' or key == '' then return {} end
    return where == 'k' and {'k:' .. key} or {'t', 'k:' .. key}
  end

  local function account(base, level)
    local v = call('HMGET', base .. 'acct:' .. level, 'granted', 'spent', 'reserved', 'day0', 'day',
                   'month0', 'month')
    return {granted = v[1] and num(v[1]), spent = num(v[2]), reserved = num(v[3]), day0 = num(v[4]),
            day = num(v[5]), month0 = num(v[6]), month = num(v[7])}
  end

  local function set_reserved(base, level, n)
    call('HSET', base .. 'acct:' .. level, 'reserved', n > 0 and text(n) or '0')
  end

  -- Reservations that end later than any made now, at most 100, end with those made now: who
  -- still runs renews its own before, and the others would be held until the clock is there.
  local function shorten(base, lease)
    local held, ends = base .. 'held', now + lease * 1000
    local late = call('ZRANGEBYSCORE', held, '(' .. text(ends + AHEAD), '+inf', 'LIMIT', '0', '100')
    for _, member in ipairs(late) do call('ZADD', held, text(ends), member) end
  end

  -- Reservations that ran out are given back, at most 100. Other keys' accounts are touched:
  -- what is wrong with one of them is no matter of this call.
  local function sweep(base, lease)
    local held, until_now = base .. 'held', text(now)
    shorten(base, lease)
    if call('ZCOUNT', held, '-inf', until_now) == 0 then return end
    for _, member in ipairs(call('ZRANGEBYSCORE', held, '-inf', until_now, 'LIMIT', '0', '100')) do
      local amount, where, key = string.match(member, '^[^:]*:(%d+):(%a):(.*)$')
      call('ZREM', held, member)
      for _, level in ipairs(amount and named(where, key) or {}) do
        pcall(function() set_reserved(base, level, account(base, level).reserved - amount) end)
      end
    end
  end

  -- What is set of credits, daily and monthly; bounds of days (3), then of months, are in `list`
  -- from `at` on.
  local function purses(a, credits, daily, monthly, list, at)
    -- The period that now is in: begin, end.
    local function period(from)
      local a, b, c = tonumber(list[from]), tonumber(list[from + 1]), tonumber(list[from + 2])
      if second < b then return a, b end
      if second < c then return b, c end
      return c, c + c - b
    end

    local function in_period(from, spread, first, spent, limit)
      local begin, ends = period(from)
      local left = min(ends - second, 31622400) -- a year
      if begin - first >= spread then spent = 0 end
      local wait = ceil((left * 1000000 - now % 1000000) / 1000)
      return {limit = limit, spent = spent, wait = max(wait, 0)}
    end

    return {
      credits >= 0 and {limit = a.granted or credits, spent = a.spent, wait = -1},
      daily > 0 and in_period(at, DAY, a.day0, a.day, daily),
      monthly > 0 and in_period(at + 3, MONTH, a.month0, a.month, monthly),
    }
  end

  return account, set_reserved, sweep, purses, named, shorten
end

