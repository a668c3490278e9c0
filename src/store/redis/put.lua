-- A record is written, if nobody changed it meanwhile.
--
-- KEYS  1 the record, 2 the index of its kind, 3 the revision of all records,
--       4 the record states of its tenant (not of a switch)
-- ARGV  1 kind (key, tenant, switch), 2 id, 3 tenant, 4 SHA-256 in hex or "", 5 the revision
--       that is changed (0: none), 6 state, 7 document, 8 the index's member,
--       9 "new", or "restore": takes revision 5 unless a newer one is there
-- Reply the new revision, or -1: another revision is there

local had = tonumber(redis.call('HGET', KEYS[1], 'rev') or 0)
local rev = tonumber(ARGV[5])

if ARGV[9] == 'restore' then
  if had >= rev then return had end
  if tonumber(redis.call('GET', KEYS[3]) or 0) < rev then redis.call('SET', KEYS[3], ARGV[5]) end
  redis.call('INCR', KEYS[3])
else
  if had ~= rev then return -1 end
  rev = redis.call('INCR', KEYS[3])
end
redis.call('HSET', KEYS[1], 'rev', rev, 'id', ARGV[2], 'tenant', ARGV[3], 'sha256', ARGV[4],
           'state', ARGV[6], 'doc', ARGV[7])
redis.call('ZADD', KEYS[2], 0, ARGV[8])
if ARGV[1] == 'key' then
  redis.call('HSET', KEYS[4], ARGV[2], string.format('%.0f:%s:%s', rev, ARGV[6], ARGV[4]))
elseif ARGV[1] == 'tenant' then
  redis.call('HSET', KEYS[4], '.', string.format('%.0f:%s', rev, ARGV[6]))
end
return rev
