-- This instance lives; what has changed since?
--
-- KEYS  1 instances, 2 revision of the records, 3 epoch
-- ARGV  1 this instance, 2 how long one counts as alive, in ms
-- Reply instances alive, revision, 1 if there is an epoch, store time in us

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now - ARGV[2]))
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {redis.call('ZCARD', KEYS[1]), tonumber(redis.call('GET', KEYS[2]) or 0),
        redis.call('EXISTS', KEYS[3]), clock[1] * 1000000 + clock[2]}
