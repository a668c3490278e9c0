-- This instance lives; what has changed since?
--
-- KEYS  1 instances, 2 revision of the records, 3 epoch
-- ARGV  1 this instance, 2 how long one counts as alive, in ms
-- Reply instances alive, revision, 1 if there is an epoch, store time in us

local revision = num(call('GET', KEYS[2]))
local since = '(' .. text(math.floor(now / 1000) - ARGV[2])

call('ZADD', KEYS[1], text(math.floor(now / 1000)), ARGV[1])
-- Before Redis' clock was set back; who lives says so again.
local ahead = '(' .. text(math.floor(now / 1000) + ARGV[2])
if call('ZCOUNT', KEYS[1], ahead, '+inf') > 0 then
  for _, gone in ipairs(call('ZRANGEBYSCORE', KEYS[1], ahead, '+inf', 'LIMIT', 0, 100)) do
    call('ZREM', KEYS[1], gone)
  end
end
if call('ZCOUNT', KEYS[1], '-inf', since) > 0 then
  for _, gone in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', since, 'LIMIT', 0, 100)) do
    call('ZREM', KEYS[1], gone)
  end
end
call('PEXPIRE', KEYS[1], ARGV[2])
return {call('ZCARD', KEYS[1]), revision, call('EXISTS', KEYS[3]), now}
