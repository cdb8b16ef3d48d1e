//! The Lua scripts that Redis executes. Each is atomic.

use redis::Script;

/// Returns the epoch of the room if this instance owns it, and otherwise the address of the living
/// instance that owns it. `ARGV` starts with the prefix of instances, and the id and the address of
/// this one.
const OWNER: &str = r"
local prefix, id, address = ARGV[1], ARGV[2], ARGV[3]
local function owner(room)
    local value = redis.call('GET', room)
    if not value then return nil, nil end
    local other, epoch = string.match(value, '^(%w+):(%d+)$')
    if not other then return nil, nil end
    if other == id then return tonumber(epoch), nil end
    local there = redis.call('GET', prefix .. other)
    if there == address then return nil, nil end
    return nil, there or nil
end
local function take(room, own, epoch, lifetime)
    local newest = math.max(own or 0, tonumber(epoch))
    redis.call('SET', room, string.format('%s:%.0f', id, newest), 'PX', lifetime)
end
";

const RENEW: &str = r"
local had_entry = redis.call('EXISTS', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], ARGV[3], 'NX')
redis.call('PEXPIRE', KEYS[3], ARGV[2])
return {had_entry, redis.call('GET', KEYS[2])}
";

const CLAIM: &str = r"
if redis.call('EXISTS', prefix .. id) == 0 then return 'lapsed' end
local own, there = owner(KEYS[1])
if there then return there end
take(KEYS[1], own, ARGV[4], ARGV[5])
return 'here'
";

const FIND: &str = r"
local _, there = owner(KEYS[1])
return there or false
";

const ASSERT: &str = r"
local conflicts = {}
for index, room in ipairs(KEYS) do
    local own, there = owner(room)
    if there then
        table.insert(conflicts, index - 1)
    else
        take(room, own, ARGV[index + 4], ARGV[4])
    end
end
return conflicts
";

const RELEASE: &str = r"
for index, room in ipairs(KEYS) do
    if redis.call('GET', room) == ARGV[index] then redis.call('DEL', room) end
end
";

const WITHDRAW: &str = r"
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HDEL', KEYS[3], ARGV[1])
";

/// A late execution changes nothing: neither after a newer one, nor after the instance has left.
const PUBLISH: &str = r"
if redis.call('EXISTS', KEYS[1]) == 0 then return end
local newest = redis.call('HGET', KEYS[3], ARGV[1])
if newest and tonumber(newest) > tonumber(ARGV[2]) then return end
redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[3])
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
";

/// Returns at least one of the lists that have changed, and more while they are short, so that the
/// answer is never long.
const LISTS: &str = r"
local instances, lists, own, max = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local known = {}
for index = 5, #ARGV, 2 do known[ARGV[index]] = ARGV[index + 1] end
local found, left = {}, max
local versions = redis.call('HGETALL', KEYS[1])
for index = 1, #versions, 2 do
    local id, version = versions[index], versions[index + 1]
    local bytes = redis.call('STRLEN', lists .. id)
    if bytes == 0 or redis.call('EXISTS', instances .. id) == 0 then
        redis.call('HDEL', KEYS[1], id)
    elseif bytes <= max then
        local list = false
        if id ~= own and version ~= known[id] and left > 0 then
            list = redis.call('GET', lists .. id)
            left = left - bytes
        end
        table.insert(found, {id, version, list})
    end
end
return found
";

/// The scripts of all operations.
#[derive(Debug)]
pub(super) struct Scripts {
    /// Keys: the instance, the secret, and the list of the instance. Arguments: the address, the
    /// lease in milliseconds and a secret. Returns whether the entry existed, and the secret.
    pub(super) renew: Script,
    /// Key: the room. Further arguments: the epoch, and the lifetime in milliseconds. Returns
    /// `here`, `lapsed` or an address.
    pub(super) claim: Script,
    /// Key: the room. Returns an address or nothing.
    pub(super) find: Script,
    /// Keys: the rooms. Further arguments: the lifetime in milliseconds, and the epochs. Returns
    /// the indices of conflicts.
    pub(super) assert: Script,
    /// Keys: the rooms. Arguments: their expected values.
    pub(super) release: Script,
    /// Keys: the instance, its list, and the versions of all lists. Argument: the id of the
    /// instance.
    pub(super) withdraw: Script,
    /// Keys: the same. Arguments: the id of the instance, the version, the lease in milliseconds and the list.
    pub(super) publish: Script,
    /// Key: the versions of all lists. Arguments: the prefixes of instances and of lists, the id of
    /// the instance, the maximum length of a list, and pairs of an id and a known version. Returns
    /// the id, version and, if it has changed, the list of each living instance.
    pub(super) lists: Script,
}

impl Scripts {
    pub(super) fn new() -> Self {
        let with_owner = |script: &str| Script::new(&[OWNER, script].concat());
        Self {
            renew: Script::new(RENEW),
            claim: with_owner(CLAIM),
            find: with_owner(FIND),
            assert: with_owner(ASSERT),
            release: Script::new(RELEASE),
            withdraw: Script::new(WITHDRAW),
            publish: Script::new(PUBLISH),
            lists: Script::new(LISTS),
        }
    }
}
