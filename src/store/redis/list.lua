-- A page of records, in order of their index.
--
-- KEYS  1 the index
-- ARGV  1 prefix, 2 kind (key, tenant, switch), 3 and 4 bounds of members, 5 how many
-- Reply for each record: rev, id, tenant, SHA-256 in hex, state, document, member

local out = {}
local members = redis.call('ZRANGEBYLEX', KEYS[1], ARGV[3], ARGV[4], 'LIMIT', 0, ARGV[5])

for _, member in ipairs(members) do
  local name = member
  if ARGV[2] == 'key' then
    local tenant, id = string.match(member, '^(.-)\31(.*)$')
    local state = redis.call('HGET', ARGV[1] .. '{' .. tenant .. '}:keys', id) or ''
    name = string.match(state, ':(%x+)$') or ''
  end
  local r = redis.call('HMGET', ARGV[1] .. ARGV[2] .. ':' .. name, 'rev', 'id', 'tenant',
                       'sha256', 'state', 'doc')
  if r[1] then
    out[#out + 1] = {r[1], r[2], r[3], r[4], r[5], r[6], member}
  end
end
return {#members, members[#members] or '', out}
