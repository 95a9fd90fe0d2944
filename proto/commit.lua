-- Commits a batch of one partition: everything or nothing, once. Guarded by the chain of commit ids: it runs
-- only when the ledger still has the id of our previous commit (or acquire), and sets a new one.
--
-- KEYS[1]   ledger;  KEYS[2..] keys that the operations below name by position, in order
-- ARGV      1 expected commit id  2 new commit id  3 channel  4 message to publish
--           5 n: pairs of ledger fields, then n times field value (absolute; never cid, number, owner, retired)
--           then for each further key one of
--             'hset' ttl_ms count n (field value)*n   absolute values; count is added to the field '#n'
--                                                     (0: untouched); ttl_ms > 0 refreshes the safety-net TTL
--             'retire'                                unlink, and add its '#n' to the ledger's `retired`
--             'unlink'                                unlink
--             'xadd' kept n value*n                   append to a stream, as field 'e', of which about `kept` stay
--
-- {'ok'} | {'mismatch', stored commit id, stored offset} | {'missing'} | {'invalid', reason}
--
-- A script does not roll back, so everything that a write could stumble over is validated before the first one:
-- types, numbers that HINCRBY and PEXPIRE would refuse, operations on one key that would see each other. Redis
-- itself refuses for lack of memory, disk or replicas at the first write only. acquire.lua has checked that the
-- user may run the commands below. PUBLISH is the last command.

local CHUNK = 1000 -- pairs per HSET: unpack fails at 8000 values

local now = redis.call('HMGET', KEYS[1], 'cid', 'offset', 'retired')
if not now[1] then return {'missing'} end
if now[1] ~= ARGV[1] then return {'mismatch', now[1], now[2] or ''} end

-- A decimal number from 0 to 10^15 - 1 written the only way that Redis' own commands take; nil when it is not.
-- Such numbers and their sums are exact in Lua.
local function decimal(text)
  if not text or #text > 15 or not string.match(text, '^%d+$') or string.match(text, '^0%d') then return nil end
  return tonumber(text)
end

if not decimal(now[3]) then return {'invalid', 'the ledger has no retired count'} end
if not ARGV[5] then return {'invalid', 'five arguments wanted'} end
if #ARGV[2] ~= 32 or ARGV[2] == ARGV[1] then return {'invalid', 'new commit id'} end

-- First pass: validate all, remember where each operation starts.
local argc = #ARGV
local reserved = {cid = true, number = true, owner = true, retired = true}
local pairs_n = decimal(ARGV[5])
if not pairs_n or 5 + 2 * pairs_n > argc then return {'invalid', 'ledger fields'} end
for i = 6, 4 + 2 * pairs_n, 2 do
  if reserved[ARGV[i]] then return {'invalid', 'ledger field ' .. ARGV[i] .. ' is not to be set'} end
end
local at = 6 + 2 * pairs_n
local starts = {}
local seen = {[KEYS[1]] = true}
local retired = decimal(now[3])
for k = 2, #KEYS do
  if seen[KEYS[k]] then return {'invalid', KEYS[k] .. ' is named twice'} end
  seen[KEYS[k]] = true
  starts[k] = at
  local op = ARGV[at]
  local wanted = op == 'xadd' and 'stream' or 'hash'
  local kind = redis.call('TYPE', KEYS[k]).ok
  if kind ~= 'none' and kind ~= wanted then return {'invalid', KEYS[k] .. ' is a ' .. kind} end
  local count = wanted == 'hash' and redis.call('HGET', KEYS[k], '#n') or '0'
  if not decimal(count) then return {'invalid', KEYS[k] .. ' has a bad #n'} end
  if op == 'xadd' then
    local kept, n = decimal(ARGV[at + 1]), decimal(ARGV[at + 2])
    if not kept or kept == 0 or not n or at + 2 + n > argc then return {'invalid', 'xadd to ' .. KEYS[k]} end
    at = at + 3 + n
  elseif op == 'hset' then
    local ttl, add, n = decimal(ARGV[at + 1]), decimal(ARGV[at + 2]), decimal(ARGV[at + 3])
    if not ttl or not add or not n or at + 3 + 2 * n > argc then return {'invalid', 'hset of ' .. KEYS[k]} end
    if decimal(count) + add >= 1e15 then return {'invalid', KEYS[k] .. ' has too large a #n'} end
    for i = at + 4, at + 2 + 2 * n, 2 do
      if ARGV[i] == '#n' then return {'invalid', 'field #n is not to be set'} end
    end
    at = at + 4 + 2 * n
  elseif op == 'retire' then
    retired = retired + decimal(count)
    at = at + 1
  elseif op == 'unlink' then
    at = at + 1
  else
    return {'invalid', 'operation ' .. tostring(op) .. ' on ' .. KEYS[k]}
  end
end
if at ~= argc + 1 then return {'invalid', 'arguments left over'} end
if retired >= 1e15 then return {'invalid', 'the retired count is too large'} end

-- Second pass: write.
redis.call('HSET', KEYS[1], 'cid', ARGV[2], 'retired', string.format('%.0f', retired))
local function hset(key, first, n)
  while n > 0 do
    local now_n = math.min(n, CHUNK)
    redis.call('HSET', key, unpack(ARGV, first, first + 2 * now_n - 1))
    first, n = first + 2 * now_n, n - now_n
  end
end
hset(KEYS[1], 6, pairs_n)
for k = 2, #KEYS do
  at = starts[k]
  if ARGV[at] == 'hset' then
    hset(KEYS[k], at + 4, tonumber(ARGV[at + 3]))
    if ARGV[at + 2] ~= '0' then redis.call('HINCRBY', KEYS[k], '#n', ARGV[at + 2]) end
    if ARGV[at + 1] ~= '0' then redis.call('PEXPIRE', KEYS[k], ARGV[at + 1]) end
  elseif ARGV[at] == 'xadd' then
    for i = at + 3, at + 2 + tonumber(ARGV[at + 2]) do
      redis.call('XADD', KEYS[k], 'MAXLEN', '~', ARGV[at + 1], '*', 'e', ARGV[i])
    end
  else
    redis.call('UNLINK', KEYS[k])
  end
end
redis.call('PUBLISH', ARGV[3], ARGV[4])
return {'ok'}
