-- Credits are added to an account, or taken; there is one afterwards.
--
-- KEYS  1 the account
-- ARGV  1 what a new account starts with, 2 how much more (may be below 0)
-- Reply as balance: granted, spent, reserved, day0, day, month0, month

redis.call('HSETNX', KEYS[1], 'granted', ARGV[1])
redis.call('HINCRBY', KEYS[1], 'granted', ARGV[2])
return redis.call('HMGET', KEYS[1], 'granted', 'spent', 'reserved', 'day0', 'day', 'month0',
                  'month')
