-- An account: looked at, or credits are added to it (or taken), and there is one afterwards.
--
-- KEYS  1 the account
-- ARGV  1 base, 2 level (t, or k:<key id>), 3 "look" or "grant", 4 lease in ms, 5 what a new
--       account starts with, 6 how much more (may be below 0), 7 the grant's own name, or empty:
--       under that of the account's last named one nothing is added
-- Reply granted (nil: no account), spent, reserved, day0, day, month0, month, store time in s,
--       1: a grant of that name was there

local account, _, sweep = money()

sweep(ARGV[1], tonumber(ARGV[4]))
local a = account(ARGV[1], ARGV[2])
local again = 0

if ARGV[3] == 'grant' then
  local once = ARGV[7]
  if once ~= '' and call('HGET', KEYS[1], 'once') == once then
    again = 1
  else
    local name = once ~= '' and {'once', once} or {}
    a.granted = num((a.granted or math.max(num(ARGV[5]), 0)) + num(ARGV[6]))
    call('HSET', KEYS[1], 'granted', text(a.granted), unpack(name))
  end
end
return {a.granted, a.spent, a.reserved, a.day0, a.day, a.month0, a.month, second, again}
