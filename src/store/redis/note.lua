-- Notes of one tenant: the latest so many names, each with its text, or with that of
-- another name ("=" and the name).
--
-- KEYS  1 "<prefix>{tenant}:notes", 2 "<prefix>{tenant}:notes:order"
-- ARGV  1 how many names are kept (0: one is asked for), 2 how many seconds; then for each
--       name two: it, its text. Or 2 the name asked for
-- Reply how many names there are, or the text

local kept, order = KEYS[1], KEYS[2]
local most = tonumber(ARGV[1])

if most == 0 then
  local text = call('HGET', kept, ARGV[2])
  if text and string.sub(text, 1, 1) == '=' then text = call('HGET', kept, string.sub(text, 2)) end
  return text
end

local names = {}
for at = 3, #ARGV, 2 do names[#names + 1] = ARGV[at] end
call('HLEN', kept) -- of another type: it ends here
local n = call('LLEN', order) + #names
call('HSET', kept, unpack(ARGV, 3))
call('RPUSH', order, unpack(names))
if n > most then call('HDEL', kept, unpack(call('LPOP', order, min(n - most, 1000)))) end
call('EXPIRE', kept, ARGV[2])
call('EXPIRE', order, ARGV[2])
return n
