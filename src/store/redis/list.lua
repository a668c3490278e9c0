-- A page of records, in order of their index. Switches of it that are over are no records any
-- more, and go.
--
-- KEYS  1 the index
-- ARGV  1 prefix, 2 kind (key, tenant, switch), 3 and 4 bounds of members, 5 how many
-- Reply the member that the next page follows, "" if this was all; then for each record: rev,
--       id, tenant, SHA-256 in hex, state, document

local out = {}
local most = tonumber(ARGV[5])
local members = call('ZRANGEBYLEX', KEYS[1], ARGV[3], ARGV[4], 'LIMIT', 0, most + 1)

-- As policy/routing/switches writes it; purges have no kind, and stay.
local function is_over(r)
  local kinds = {provider = 1, model = 1, target = 1, tenant = 1, key = 1, weight = 1}
  local ends = string.match(r[6] or '', '^{"since":%d+,"until":(%d+)[,}]')
  return ends and kinds[string.match(r[2] or '', '^(%a+):')] and tonumber(ends) <= floor(now / 1000)
end

for i = 1, math.min(#members, most) do
  local name = members[i]
  if ARGV[2] == 'key' then
    local tenant, id = string.match(name, '^(.-)\31(.*)$')
    local state = tenant and call('HGET', ARGV[1] .. '{' .. tenant .. '}:keys', id) or ''
    name = string.match(state, ':(%x+)$') or ''
  end
  name = ARGV[1] .. ARGV[2] .. ':' .. name
  local r = call('HMGET', name, 'rev', 'id', 'tenant', 'sha256', 'state', 'doc')
  if ARGV[2] == 'switch' and r[1] and is_over(r) then
    redis.pcall('DEL', name) -- where nothing can be written it waits for the next one
    redis.pcall('ZREM', KEYS[1], members[i])
  elseif r[1] then
    out[#out + 1] = r
  end
end
return {members[most + 1] and members[most] or '', out}
