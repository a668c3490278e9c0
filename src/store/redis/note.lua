-- Notes of one tenant: the latest so many names, each with its text, or with that of
-- another name ("=" and the name).
--
-- KEYS  1 "<prefix>{tenant}:notes", 2 "<prefix>{tenant}:notes:order": when each was written, in us
-- ARGV  1 how many names are kept (0: one is asked for), 2 for how many seconds; then for
--       each name two: it, its text. Or 3 the name asked for
-- Reply how many names there are, or the text

local kept, order = KEYS[1], KEYS[2]
local most = tonumber(ARGV[1])
local ended = now - tonumber(ARGV[2]) * 1000000 -- us

-- The sluice before this one kept a list there; its notes are read, and make way for ours.
local function is_older() return call('TYPE', order).ok == 'list' end

local function find(name)
  local at = redis.pcall('ZSCORE', order, name)
  if type(at) == 'table' and is_older() then at = now end
  return at and num(at) > ended and call('HGET', kept, name)
end

if most == 0 then
  local found = find(ARGV[3])
  if found and string.sub(found, 1, 1) == '=' then found = find(string.sub(found, 2)) end
  return found
end

local times = {}
for at = 3, #ARGV, 2 do
  times[#times + 1] = text(now + at) -- in this order
  times[#times + 1] = ARGV[at]
end
call('HLEN', kept) -- of another type: it ends here
if type(redis.pcall('ZCARD', order)) == 'table' and is_older() then call('DEL', kept, order) end
call('ZCARD', order)
call('HSET', kept, unpack(ARGV, 3))
call('ZADD', order, unpack(times))

local function drop(names)
  if #names == 0 then return end
  call('HDEL', kept, unpack(names))
  call('ZREM', order, unpack(names))
end

drop(call('ZRANGEBYSCORE', order, '-inf', text(ended), 'LIMIT', '0', '500'))
local n = call('ZCARD', order)
if n > most then drop(call('ZRANGE', order, '0', text(min(n - most, 500) - 1))) end
call('EXPIRE', kept, ARGV[2])
call('EXPIRE', order, ARGV[2])
return n
