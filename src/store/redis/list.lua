-- A page of records, in order of their index.
--
-- KEYS  1 the index
-- ARGV  1 prefix, 2 kind (key, tenant, switch), 3 and 4 bounds of members, 5 how many
-- Reply the member that the next page follows, "" if this was all; then for each record: rev,
--       id, tenant, SHA-256 in hex, state, document

local out = {}
local most = tonumber(ARGV[5])
local members = call('ZRANGEBYLEX', KEYS[1], ARGV[3], ARGV[4], 'LIMIT', 0, most + 1)

for i = 1, math.min(#members, most) do
  local name = members[i]
  if ARGV[2] == 'key' then
    local tenant, id = string.match(name, '^(.-)\31(.*)$')
    local state = tenant and call('HGET', ARGV[1] .. '{' .. tenant .. '}:keys', id) or ''
    name = string.match(state, ':(%x+)$') or ''
  end
  local r = call('HMGET', ARGV[1] .. ARGV[2] .. ':' .. name, 'rev', 'id', 'tenant', 'sha256',
                 'state', 'doc')
  if r[1] then out[#out + 1] = r end
end
return {members[most + 1] and members[most] or '', out}
