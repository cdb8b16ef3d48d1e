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

/// The scripts of all operations.
#[derive(Debug)]
pub(super) struct Scripts {
    /// Keys: the instance and the secret. Arguments: the address, the lease in milliseconds and a
    /// secret. Returns whether the entry existed, and the secret.
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
        }
    }
}
