-- Usage rows of one tenant, day by day, until a page is full.
--
-- ARGV  1 base, 2 the cursor within the first day, 3 how many rows are enough, then the days
-- Reply day of the next page or "", its cursor, rows of {day, name, text}

local base, cursor, enough = ARGV[1], ARGV[2], tonumber(ARGV[3])
local out = {}

for i = 4, #ARGV do
  local key = base .. 'use:' .. ARGV[i]
  repeat
    local page = redis.call('HSCAN', key, cursor, 'COUNT', 100)
    cursor = page[1]
    for j = 1, #page[2], 2 do out[#out + 1] = {ARGV[i], page[2][j], page[2][j + 1]} end
    if #out >= enough and cursor ~= '0' then return {ARGV[i], cursor, out} end
  until cursor == '0'
  if #out >= enough and ARGV[i + 1] then return {ARGV[i + 1], '0', out} end
end
return {'', '0', out}
