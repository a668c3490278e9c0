-- Records are written: one, if nobody changed it meanwhile; or a page of them, each with the
-- revision it has, unless a newer one is there.
--
-- KEYS  1 the revision of all records
-- ARGV  1 prefix, 2 "new", "quiet" (the same, and the revision of all stays) or "restore", 3 how many, 4 how many new ones of tenants, and of
--       switches, may make, then for each 7 fields: kind (key, tenant, switch), id, tenant of a key, SHA-256 of a key in hex, revision ("new": the one that
--       is changed, 0: none), state, document. All other keys begin with ARGV[1]: the
--       record, the index of its kind, the record states of its tenant.
-- Reply the new revision ("restore": of all records), or -1: another revision is there, or the
--       SHA-256 is another key's; or -2: there are too many of that kind

local prefix, restore = ARGV[1], ARGV[2] == 'restore'
local indexes = {key = 'keys:index', tenant = 'tenants:index', switch = 'switches:index'}
local revision, most = num(call('GET', KEYS[1])), 0
local records, owners = {}, {}

-- What is there of it: the revision, and whose the SHA-256 is.
local function look(r)
  local known = call('HMGET', r.name, 'rev', 'id', 'tenant')
  call('ZSCORE', r.index, r.member)
  if r.kind ~= 'key' then
    if r.states then call('HGET', r.states, r.field) end
    return num(known[1]), false
  end
  local rev, sha = string.match(call('HGET', r.states, r.field) or '', '^(%d+):%a*:(%x*)$')
  local owner = owners[r.sha] or known[1] and known[3] .. '\31' .. known[2] or r.member
  owners[r.sha] = owner
  r.former = sha and sha ~= r.sha and prefix .. 'key:' .. sha
  return num(rev), owner ~= r.member
end

for i = 0, tonumber(ARGV[3]) - 1 do
  local kind, id, tenant, sha, rev, state, doc = unpack(ARGV, 5 + i * 7, 11 + i * 7)
  local r = {kind = kind, id = id, tenant = tenant, sha = sha, rev = num(rev), state = state,
             doc = doc, index = prefix .. indexes[kind], member = id,
             name = prefix .. kind .. ':' .. id}
  if kind == 'key' then
    r.member, r.name = tenant .. '\31' .. id, prefix .. 'key:' .. sha
    r.states, r.field = prefix .. '{' .. tenant .. '}:keys', id
  elseif kind == 'tenant' then
    r.states, r.field = prefix .. '{' .. id .. '}:keys', '*'
  end
  local had, taken = look(r)
  if taken or not restore and had ~= r.rev then return -1 end
  if not restore and had == 0 and kind ~= 'key' and call('ZCARD', r.index) >= tonumber(ARGV[4]) then
    return -2
  end
  if not restore or r.rev > had then records[#records + 1] = r end
  most = math.max(most, r.rev)
end

revision = math.max(revision + 1, restore and most or most + 1)
if ARGV[2] ~= 'quiet' then call('SET', KEYS[1], text(revision)) end
for _, r in ipairs(records) do
  local rev = text(restore and r.rev or revision)
  if r.former then call('DEL', r.former) end
  call('HSET', r.name, 'rev', rev, 'id', r.id, 'tenant', r.tenant, 'sha256', r.sha, 'state',
       r.state, 'doc', r.doc)
  call('ZADD', r.index, 0, r.member)
  if r.states then
    call('HSET', r.states, r.field, rev .. ':' .. r.state .. (r.sha ~= '' and ':' .. r.sha or ''))
  end
end
return revision
