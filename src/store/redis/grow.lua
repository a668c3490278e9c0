-- More reservation for a running request, if its balance allows it.
--
-- KEYS  1 "<prefix>{tenant}:held"
-- ARGV  1 base, 2 id, 3 key id, 4 levels with a budget (t, k, b or -), 5 what is reserved,
--       6 how much more, 7 lease in ms, 8-10 day bounds, 11-13 month bounds (s); then for
--       tenant and key each: credits, daily, monthly (-1: unset)
-- Reply 1; or, where it can't be afforded: limit, level, figure, used, wait ms

local base, id, key, where = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local had, more = num(ARGV[5]), num(ARGV[6])
local CREDITS = 9 -- and daily, monthly behind it
local accounts, no = {}, nil
local account, set_reserved, sweep, purses, named = money()

if where == '-' or more <= 0 then return 1 end
sweep(base, tonumber(ARGV[7]))
for _, level in ipairs(named(where, key)) do
  local at = level == 't' and 14 or 17
  local a = account(base, level)
  accounts[level] = a
  local all = purses(a, tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]),
                     ARGV, 8)
  for i = 1, 3 do
    local p = all[i]
    if p and p.limit - p.spent - a.reserved < more and not (no and no[1] < CREDITS + i) then
      no = {CREDITS + i - 1, level == 't' and 0 or 1, p.limit, min(p.spent + a.reserved, MOST),
            p.wait}
    end
  end
end
if no then return no end

-- It ends when it would have ended; what had run out comes back with the rest.
local function member(n) return id .. ':' .. text(n) .. ':' .. where .. ':' .. key end
local ends = had > 0 and call('ZSCORE', KEYS[1], member(had))
local add = ends and more or had + more
if ends then call('ZREM', KEYS[1], member(had)) end
call('ZADD', KEYS[1], ends or text(now + ARGV[7] * 1000), member(had + more))
for level, a in pairs(accounts) do set_reserved(base, level, a.reserved + add) end
return 1
