-- Usage rows of one tenant, day by day, until a page is full.
--
-- ARGV  1 base, 2 where to go on in the first day, 3 rows of a page, then the days
-- Reply day of the next page or "", where in it, rows of {day, name, text}
--
-- A large hash is read by its cursor: rows that were there come once, for such a hash only
-- grows. A small one is told whole, in the order of its making, and may be more than
-- a page: then "+n" says how many of its rows were told.

local base, place, most = ARGV[1], ARGV[2], tonumber(ARGV[3])
local STEP = 20       -- rows that a large hash is asked for
local STEP_MOST = 40  -- and more than it gives
local out = {}

local function tell(day, rows, from, to)
  for i = from, to do out[#out + 1] = {day, rows[2 * i - 1], rows[2 * i]} end
end

for i = 4, #ARGV do
  local day = ARGV[i]
  repeat
    local told = tonumber(string.match(place, '^%+(%d+)$') or 0)
    local cursor = told > 0 and '0' or place
    local next, rows = unpack(call('HSCAN', base .. 'use:' .. day, cursor, 'COUNT', STEP))
    local n, left = #rows / 2, most - #out
    if told > 0 and next ~= '0' then error('the day has grown: read it again') end
    if n - told <= left then
      tell(day, rows, told + 1, n)
      place = next
    elseif cursor == '0' and next == '0' and n > STEP_MOST then
      tell(day, rows, told + 1, told + left)
      return {day, '+' .. (told + left), out}
    else
      return {day, place, out}
    end
  until place == '0'
end
return {'', '0', out}
