-- Sets the next record of one partition by an operator's order (docs/architecture.md, commit protocol). The only way to
-- change a ledger besides acquire.lua and commit.lua.
--
-- KEYS[1]  ledger of the partition
-- ARGV     1 expected commit id  2 new commit id  3 new offset
--
-- {'ok', first offset, applied, gaps}   as they are now; whoever held the partition is fenced by the new commit id
-- {'mismatch', stored commit id}        it has changed since it was looked at
-- {'missing'} | {'invalid', reason}     nothing was written
--
-- I1 (applied + gaps = offset - first_offset) stays true: forwards, the records that are skipped count as gaps;
-- backwards, the log is another one, and counting begins anew at the new offset. Which record was applied last, and
-- which was found in the log, is forgotten. The clock stays: state in Redis is not older than it, and it never goes back (I3).

local now = redis.call('HMGET', KEYS[1], 'cid', 'offset', 'first_offset', 'applied', 'gaps')
if not now[1] then return {'missing'} end
if now[1] ~= ARGV[1] then return {'mismatch', now[1]} end
if not ARGV[3] then return {'invalid', 'three arguments wanted'} end
if #ARGV[2] ~= 32 or ARGV[2] == ARGV[1] then return {'invalid', 'new commit id'} end

-- As in commit.lua: such numbers, their sums and differences are exact in Lua.
local function decimal(text)
  if not text or #text > 15 or not string.match(text, '^%d+$') or string.match(text, '^0%d') then return nil end
  return tonumber(text)
end

local to = decimal(ARGV[3])
if not to then return {'invalid', 'the new offset is not a decimal number'} end
local offset, first, applied, gaps = decimal(now[2]), decimal(now[3]), decimal(now[4]), decimal(now[5])
if not (offset and first and applied and gaps) then
  return {'invalid', 'the ledger lacks one of offset, first_offset, applied, gaps'}
end
if to >= offset then
  gaps = gaps + to - offset
else
  first, applied, gaps = to, 0, 0
end

local function text(number) return string.format('%.0f', number) end
redis.call('HSET', KEYS[1], 'cid', ARGV[2], 'offset', text(to), 'first_offset', text(first), 'applied', text(applied),
           'gaps', text(gaps), 'record_offset', '-1', 'record_hash', '0', 'anchor_offset', '-1', 'anchor_hash', '0')
return {'ok', text(first), text(applied), text(gaps)}
