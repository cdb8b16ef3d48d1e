//! The DTLS certificate of the local peer: a new one for each room, or one stored in the browser.

use std::time::Duration;

use idb::{Database, Factory, ObjectStoreParams, Query, TransactionMode};
use js_sys::{Array, Date};
use serde_json::json;
use wasm_bindgen::JsValue;

use super::{
    js::{self, Exception, Result},
    lock::{Lock, Locking},
    rtc::{Connection, Kind},
};
use crate::{
    channel::Channel,
    config::Route,
    core::{Description, Identity, SdpKind},
    event::RoomError,
};

/// The longest validity that browsers allow.
const VALID_FOR: Duration = Duration::from_secs(365 * 24 * 3600);
/// A stored certificate that expires within this time is replaced.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

/// The name of the database.
const DATABASE: &str = "huddle_mesh";
/// The name of the object store with the certificates.
const IDENTITIES: &str = "identities";

/// The certificate of the local peer, used for all of its links in one room.
#[derive(Debug)]
pub(super) struct Certificate {
    pub(super) rtc: JsValue,
    pub(super) identity: Identity,
    /// The lock of a stored certificate, held until the room ends.
    pub(super) lock: Option<Lock>,
}

impl Certificate {
    /// Creates a certificate, or loads the one that the browser stores under the name `slot`.
    pub(super) async fn new(slot: Option<&str>) -> std::result::Result<Self, RoomError> {
        let no_webrtc = |Exception(why)| RoomError::NoWebRtc(why);
        let Some(slot) = slot else {
            let rtc = generate().await.map_err(no_webrtc)?;
            return Self::from_rtc(rtc, None).await.map_err(no_webrtc);
        };
        let lock = match Lock::request(&format!("{DATABASE} {slot}")).await {
            Locking::Held(lock) => Some(lock),
            // Locks need a secure origin.
            Locking::Unsupported => None,
            Locking::Taken => {
                log::warn!(
                    "the identity stored in {slot} is in use; this room uses a temporary identity"
                );
                let rtc = generate().await.map_err(no_webrtc)?;
                return Self::from_rtc(rtc, None).await.map_err(no_webrtc);
            }
        };
        let rtc = load_or_generate(slot)
            .await
            .map_err(|reason| RoomError::Identity {
                slot: slot.to_owned(),
                reason,
            })?;
        Self::from_rtc(rtc, lock).await.map_err(no_webrtc)
    }

    async fn from_rtc(rtc: JsValue, lock: Option<Lock>) -> Result<Self> {
        let fingerprint = fingerprint(&rtc).await?;
        Ok(Self {
            rtc,
            identity: Identity { fingerprint },
            lock,
        })
    }
}

async fn generate() -> Result<JsValue> {
    let class = js::get(&js_sys::global(), "RTCPeerConnection")?;
    let algorithm = js::from_json(&json!({
        "name": "ECDSA",
        "namedCurve": "P-256",
        "expires": VALID_FOR.as_millis() as u64,
    }))?;
    let generated = js::call_async(&class, "generateCertificate", &Array::of1(&algorithm)).await?;
    js::expect_object("generateCertificate", generated)
}

/// Returns the fingerprint of a certificate. Reads it from an offer, because not all browsers
/// support `getFingerprints`.
async fn fingerprint(certificate: &JsValue) -> Result<[u8; 32]> {
    let connection = Connection::with(&[], Route::Any, Some(certificate))?;
    let described = match connection.create_channel(Channel::Events) {
        Ok(_) => connection.create(Kind::Offer).await,
        Err(exception) => Err(exception),
    };
    connection.close();
    match Description::parse(SdpKind::Offer, &described?) {
        Ok(description) => Ok(description.fingerprint),
        Err(error) => Err(Exception(format!(
            "cannot use the browser's session description: {error}"
        ))),
    }
}

/// Loads the certificate stored under the name `slot`. Generates and stores one if there is none.
async fn load_or_generate(slot: &str) -> std::result::Result<JsValue, String> {
    let failed = |error: idb::Error| error.to_string();
    let database = open_database().await.map_err(failed)?;
    let key = JsValue::from_str(slot);
    let found = load(&database, &key).await.map_err(failed)?;
    let certificate = match found.filter(is_valid) {
        Some(certificate) => certificate,
        None => {
            let certificate = generate().await.map_err(|Exception(why)| why)?;
            store(&database, &key, &certificate).await.map_err(failed)?;
            certificate
        }
    };
    database.close();
    Ok(certificate)
}

fn is_valid(certificate: &JsValue) -> bool {
    let expires = js::get(certificate, "expires").ok();
    let margin = MARGIN.as_millis() as f64;
    expires
        .and_then(|expires| expires.as_f64())
        .is_some_and(|expires| expires > Date::now() + margin)
}

async fn open_database() -> std::result::Result<Database, idb::Error> {
    let mut request = Factory::new()?.open(DATABASE, Some(1))?;
    request.on_upgrade_needed(|event| {
        if let Ok(database) = idb::event::DatabaseEvent::database(&event) {
            // If this fails, the next request fails too.
            let _ = database.create_object_store(IDENTITIES, ObjectStoreParams::new());
        }
    });
    request.await
}

async fn load(
    database: &Database,
    key: &JsValue,
) -> std::result::Result<Option<JsValue>, idb::Error> {
    let transaction = database.transaction(&[IDENTITIES], TransactionMode::ReadOnly)?;
    let store = transaction.object_store(IDENTITIES)?;
    store.get(Query::Key(key.clone()))?.await
}

async fn store(
    database: &Database,
    key: &JsValue,
    certificate: &JsValue,
) -> std::result::Result<(), idb::Error> {
    let transaction = database.transaction(&[IDENTITIES], TransactionMode::ReadWrite)?;
    let store = transaction.object_store(IDENTITIES)?;
    store.put(certificate, Some(key))?.await?;
    transaction.commit()?.await?;
    Ok(())
}
