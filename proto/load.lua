-- Reads state of one partition, together with the commit id that it belongs to. Every read of state is this
-- script: a plain HGET could return what another owner wrote.
--
-- KEYS[1]   ledger;  KEYS[2..] hashes to read
-- ARGV[1]   our commit id, then for each hash one of
--             'fields' n field*n        -> array of n values, false where absent
--             'scan' cursor count       -> {next cursor, {field, value, ...}}
--
-- {'ok', reply per hash ...} | {'mismatch', stored commit id} | {'missing'} | {'invalid', reason}

local cid = redis.call('HGET', KEYS[1], 'cid')
if not cid then return {'missing'} end
if cid ~= ARGV[1] then return {'mismatch', cid} end

local out = {'ok'}
local at = 2
for k = 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[k]).ok
  if kind ~= 'none' and kind ~= 'hash' then return {'invalid', KEYS[k] .. ' is a ' .. kind} end
  local op = ARGV[at]
  if op == 'fields' then
    local n = string.match(ARGV[at + 1] or '', '^%d+$') and tonumber(ARGV[at + 1])
    if not n or n < 1 or at + 1 + n > #ARGV then return {'invalid', 'wrong number of fields'} end
    local first, values = at + 2, {}
    while first <= at + 1 + n do
      local last = math.min(first + 1999, at + 1 + n)
      local part = redis.call('HMGET', KEYS[k], unpack(ARGV, first, last))
      for i = 1, last - first + 1 do values[#values + 1] = part[i] end
      first = last + 1
    end
    out[#out + 1] = values
    at = at + 2 + n
  elseif op == 'scan' then
    if not ARGV[at + 2] then return {'invalid', 'cursor and count wanted'} end
    out[#out + 1] = redis.call('HSCAN', KEYS[k], ARGV[at + 1], 'COUNT', ARGV[at + 2])
    at = at + 3
  else
    return {'invalid', 'unknown operation ' .. tostring(op)}
  end
end
if at ~= #ARGV + 1 then return {'invalid', 'arguments left over'} end
return out
