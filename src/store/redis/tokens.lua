-- Windows of tokens: each a hash of sixty buckets of a second in a ring (fields 0 to 59), their
-- sum, the second up to which the ring was turned (at), and that of the last booking (last).
-- In a function, so that who needs none of it does not make it: tokens, book_tokens =
-- token_windows()

local function token_windows()
  -- Turned to this second: sum, last.
  local function tokens(name)
    local v = call('HMGET', name, 'sum', 'at', 'last')
    local sum, at, fields = num(v[1]), num(v[2]), {}
    if second - at >= 60 or at > second + 5 then -- or the clock was set back since
      if v[1] then call('DEL', name) end
      return 0, 0
    end
    if second <= at then return sum, num(v[3]) end
    for s = at + 1, second do fields[#fields + 1] = s % 60 end
    local old = call('HMGET', name, unpack(fields)) -- at most 59
    for i, n in ipairs(fields) do
      if old[i] then
        sum = sum - num(old[i])
        call('HDEL', name, n)
      end
    end
    call('HSET', name, 'sum', text(sum), 'at', clock[1])
    return sum, num(v[3])
  end

  local function book_tokens(name, more)
    local sum, bucket = tokens(name), second % 60
    local had = num(call('HGET', name, bucket))
    more = min(more, 140737488355328 - had) -- of one bucket: the sum of sixty is exact
    call('HSET', name, bucket, text(had + more), 'sum', text(sum + more), 'at', clock[1], 'last',
         clock[1])
    call('EXPIRE', name, '61')
  end

  return tokens, book_tokens
end

