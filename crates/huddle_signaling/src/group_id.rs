//! The ids of `?next=N` groups. The id of a linked group is also the name of its room.
//!
//! A token contains the name of the queue, and not that of the group. A member that returns to the
//! room of its group has to show that this server has named the room. Otherwise a token for one
//! queue would also be valid for other rooms. Therefore half of an id is random, and the other half
//! is an authentication code (HMAC-SHA256, RFC 2104, truncated) of the first half and the game.

use std::sync::{Arc, PoisonError, RwLock};

use hmac::{Hmac, Mac, digest::Key};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::config::{Secret, TokenKey};

/// Separates these codes from other uses of the same secret.
const CONTEXT: &[u8] = b"huddle group id";

/// The number of random bytes, and of bytes of the code.
const HALF: usize = 8;

/// Creates and recognizes the ids of all groups. Its debug output hides the key. All clones use the
/// same key.
#[derive(Debug, Clone)]
pub(crate) struct GroupIds {
    mac: Arc<RwLock<Hmac<Sha256>>>,
    /// Whether the key comes from the configuration, which is the same for all instances of a
    /// cluster.
    is_configured: bool,
}

impl GroupIds {
    /// With a secret among the keys, ids stay valid when the server restarts.
    pub(crate) fn new(keys: &[TokenKey]) -> Self {
        let secret = keys.iter().find_map(|key| match key {
            TokenKey::Secret(secret) => Some(secret.expose().as_bytes().to_vec()),
            TokenKey::PublicKey(_) => None,
        });
        let is_configured = secret.is_some();
        let key = secret.unwrap_or_else(|| {
            let random = [Uuid::new_v4(), Uuid::new_v4()];
            random.iter().flat_map(|half| *half.as_bytes()).collect()
        });
        Self {
            mac: Arc::new(RwLock::new(group_mac(&key))),
            is_configured,
        }
    }

    /// Uses the secret of a cluster, so that all its instances recognize the same ids.
    pub(crate) fn share(&self, secret: &Secret) {
        if !self.is_configured {
            let mac = group_mac(secret.expose().as_bytes());
            *self.mac.write().unwrap_or_else(PoisonError::into_inner) = mac;
        }
    }

    /// Returns the ids of a game's groups.
    pub(crate) fn of_app(&self, app: &str) -> AppGroupIds {
        let mac = self.mac.read().unwrap_or_else(PoisonError::into_inner);
        let mut mac = mac.clone();
        mac.update(app.as_bytes());
        // A name contains no such byte, so the code of one name never continues that of another.
        mac.update(&[0xff]);
        AppGroupIds(mac)
    }

    /// Returns whether the name is that of a group's room.
    pub(crate) fn is_name(&self, app: &str, name: &str) -> bool {
        let id = Uuid::try_parse(name).ok();
        id.is_some_and(|id| id.simple().to_string() == name && self.of_app(app).has_created(id))
    }
}

fn group_mac(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Key::<Hmac<Sha256>>::default();
    let digest = Sha256::digest(key);
    block[..digest.len()].copy_from_slice(&digest);
    let mut mac: Hmac<Sha256> = Mac::new(&block);
    mac.update(CONTEXT);
    mac
}

/// Creates and recognizes the ids of the groups of one game.
#[derive(Debug, Clone)]
pub(crate) struct AppGroupIds(Hmac<Sha256>);

impl AppGroupIds {
    /// Creates an id that no client can guess.
    pub(crate) fn create(&self) -> Uuid {
        let mut id = Uuid::new_v4().into_bytes();
        // The version and variant of a UUID are fixed bits. The last bytes contain the fewest.
        id.rotate_left(HALF);
        let (random, code) = id.split_at_mut(HALF);
        let mac = self.0.clone().chain_update(&*random).finalize();
        code.copy_from_slice(&mac.into_bytes()[..HALF]);
        Uuid::from_bytes(id)
    }

    /// Returns whether this server has created the id.
    pub(crate) fn has_created(&self, id: Uuid) -> bool {
        let (random, code) = id.as_bytes().split_at(HALF);
        let mac = self.0.clone().chain_update(random);
        mac.verify_truncated_left(code).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(secret: &str) -> GroupIds {
        GroupIds::new(&[TokenKey::Secret(Secret::new(secret))])
    }

    #[test]
    fn only_ids_of_the_same_key_and_game_are_recognized() {
        let id = ids("one").of_app("duel").create();
        assert!(ids("one").of_app("duel").has_created(id));
        assert!(!ids("one").of_app("due").has_created(id));
        assert!(!ids("two").of_app("duel").has_created(id));
        let changed = |bit: u32| Uuid::from_u128(id.as_u128() ^ (1 << bit));
        assert!((0..128).all(|bit| !ids("one").of_app("duel").has_created(changed(bit))));
    }

    #[test]
    fn server_without_a_secret_recognizes_only_its_own_ids() {
        let own = GroupIds::new(&[]);
        let id = own.of_app("").create();
        assert!(own.clone().of_app("").has_created(id));
        assert!(!GroupIds::new(&[]).of_app("").has_created(id));
        assert_ne!(own.of_app("").create(), id);
    }

    #[test]
    fn name_of_a_room_is_the_short_form_of_an_id() {
        let ids = ids("one");
        let id = ids.of_app("duel").create();
        assert!(ids.is_name("duel", &id.simple().to_string()));
        assert!(!ids.is_name("duel", &id.hyphenated().to_string()));
        assert!(!ids.is_name("", &id.simple().to_string()));
        assert!(!ids.is_name("duel", "lobby"));
    }

    #[test]
    fn instances_of_a_cluster_recognize_the_same_ids() {
        let [one, other] = [GroupIds::new(&[]), GroupIds::new(&[])];
        let verifier = one.clone();
        for ids in [&one, &other] {
            ids.share(&Secret::new("cluster"));
        }
        let id = one.of_app("duel").create();
        assert!(other.of_app("duel").has_created(id));
        assert!(verifier.of_app("duel").has_created(id));
        // A configured secret is the same at all instances, and outlives the store.
        let configured = ids("one");
        configured.share(&Secret::new("cluster"));
        assert!(!other.of_app("").has_created(configured.of_app("").create()));
        assert!(
            ids("one")
                .of_app("")
                .has_created(configured.of_app("").create())
        );
    }
}
