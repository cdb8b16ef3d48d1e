use js_sys::Map;
use wasm_bindgen::{JsCast, JsValue};

use super::{js, rtc::Connection};
use crate::stats::Path;

/// Returns the path of the selected candidate pair, from the browser's statistics.
///
/// In Chromium and Safari, the transport contains the id of the pair. In Firefox, the pair itself
/// is marked as selected.
pub(super) async fn selected_path(connection: &Connection) -> Path {
    let Ok(report) = connection.stats().await else {
        return Path::Unknown;
    };
    // The report has the methods of a `Map`, but is not an instance of it.
    let entries: Vec<JsValue> = report
        .unchecked_ref::<Map>()
        .values()
        .into_iter()
        .flatten()
        .collect();

    let of_type = |kind: &'static str| {
        entries
            .iter()
            .filter(move |entry| string(entry, "type").as_deref() == Some(kind))
    };
    let by_id = |id: &str| {
        entries
            .iter()
            .find(|entry| string(entry, "id").as_deref() == Some(id))
    };

    let selected_id =
        of_type("transport").find_map(|entry| string(entry, "selectedCandidatePairId"));
    let pair = match selected_id {
        Some(id) => by_id(&id),
        None => of_type("candidate-pair").find(|entry| is_true(entry, "selected")),
    };
    let Some(pair) = pair else {
        return Path::Unknown;
    };
    let kinds = ["localCandidateId", "remoteCandidateId"]
        .map(|end| string(by_id(&string(pair, end)?)?, "candidateType"));
    match kinds {
        [Some(local), Some(remote)] if local == "relay" || remote == "relay" => Path::Relayed,
        [Some(_), Some(_)] => Path::Direct,
        _ => Path::Unknown,
    }
}

fn string(entry: &JsValue, key: &str) -> Option<String> {
    js::get(entry, key).ok()?.as_string()
}

fn is_true(entry: &JsValue, key: &str) -> bool {
    js::get(entry, key)
        .ok()
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}
