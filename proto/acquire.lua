-- Takes over one partition (docs/architecture.md, commit protocol).
--
-- KEYS[1]  ledger of the partition
-- ARGV     1 assignment number  2 owner "<member>/<incarnation>"  3 new commit id
--          4 format version
--
-- {'ok', previous commit id, {field, value, ...}}   the ledger as it is now; the commit id is the new one
-- {'missing'}                                       no ledger: nothing is ever created here
-- {'refused', stored number, stored owner}          a newer assignment holds it
-- {'version', stored format}                        written by newer software
-- {'invalid', reason}                               nothing was written, trying again will not help
--
-- Numbers are compared as decimal strings, because Lua's lose integers above 2^53.

local function less(a, b)
  if #a ~= #b then return #a < #b end
  return a < b
end

for i = 1, 4 do
  if ARGV[i] == nil then return {'invalid', 'four arguments wanted'} end
end
for _, i in ipairs({1, 4}) do
  if not string.match(ARGV[i], '^%d+$') or (#ARGV[i] > 1 and string.sub(ARGV[i], 1, 1) == '0') then
    return {'invalid', 'argument ' .. i .. ' is not a decimal number'}
  end
end

if #ARGV[3] ~= 32 then return {'invalid', 'new commit id'} end
if ARGV[2] == '' then return {'invalid', 'no owner'} end

local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then return {'missing'} end
if kind ~= 'hash' then return {'invalid', 'the ledger is a ' .. kind} end

local now = redis.call('HMGET', KEYS[1], 'cid', 'number', 'owner', 'format', 'config_version')
for i = 1, 5 do
  if not now[i] then return {'invalid', 'the ledger lacks one of cid, number, owner, format, config_version'} end
end

if ARGV[3] == now[1] then return {'invalid', 'the commit id is not new'} end
if less(ARGV[1], now[2]) or (ARGV[1] == now[2] and ARGV[2] ~= now[3]) then
  return {'refused', now[2], now[3]}
end
if less(ARGV[4], now[4]) then return {'version', now[4]} end

-- A permission that is missing would stop commit.lua half way, after its first write. Asked here, once. From Redis 7.
if redis.acl_check_cmd then
  local key = KEYS[1]
  for _, words in ipairs({{'HSET', key, 'f', 'v'}, {'HINCRBY', key, 'f', '1'}, {'PEXPIRE', key, '1'}, {'UNLINK', key},
                        {'XADD', key, '*', 'f', 'v'}}) do
    if not redis.acl_check_cmd(unpack(words)) then return {'invalid', 'the user may not run ' .. words[1]} end
  end
end

redis.call('HSET', KEYS[1], 'cid', ARGV[3], 'number', ARGV[1], 'owner', ARGV[2], 'format', ARGV[4])
return {'ok', now[1], redis.call('HGETALL', KEYS[1])}
