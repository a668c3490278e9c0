-- What the scripts share; it stands before each of them.
--
-- Redis takes nothing back when a script fails half way. So each first reads all that it is
-- going to touch, where a key of another type or a number that is none ends it, and
-- writes when nothing but a full memory can fail any more: Redis looks at that before a
-- script's first write, and not again.
-- Numbers are doubles, exact up to 2^53: every sum ends at MOST. Lua's own text of a number
-- has 14 digits, text() has all of them.
-- What takes time: each call makes every function and table anew, and they are collected
-- afterwards, so what few calls need stands in a function that makes it (money.lua,
-- tokens.lua). And Redis writes 17 digits of each number that it is given, so times and
-- constants are texts.
-- Names are made of ARGV[1], "<prefix>{tenant}:", which most scripts call `base`.

local call = redis.call
local tonumber, unpack, ipairs = tonumber, unpack, ipairs
local max, min, floor, ceil = math.max, math.min, math.floor, math.ceil
local clock = redis.call('TIME')
local second = tonumber(clock[1])
local now = second * 1000000 + tonumber(clock[2]) -- us
local MOST = 9007199254740991

local function text(n) return string.format('%d', n) end

local function num(v)
  local n = tonumber(v or 0)
  if not (n <= MOST) then return MOST end
  return n < -MOST and -MOST or n
end

