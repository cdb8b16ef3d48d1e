//! A connection to no peer, which gathers the addresses of this machine.

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use wasm_bindgen::{JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::RtcPeerConnectionIceEvent;
use web_time::Instant;

use super::{
    js::{self, Exception},
    rtc::{Connection, Kind},
};
use crate::{
    channel::Channel,
    config::RoomConfig,
    diagnose::{GatheredCandidate, GatheringEvent, ServerFailure},
    event::RoomError,
};

/// The maximum number of unread events. No machine has as many addresses.
const MAX_EVENTS: usize = 256;
/// The longest text of the browser to show.
const MAX_TEXT_LEN: usize = 100;
/// The code of a server that cannot be reached. Codes of servers are lower.
const NOT_REACHED: u16 = 700;

/// A connection that gathers. It closes when dropped.
#[derive(Debug)]
pub(crate) struct GatheringHandle {
    connection: Connection,
    queue: Queue,
    _candidates: Closure<dyn FnMut(RtcPeerConnectionIceEvent)>,
    _errors: Closure<dyn FnMut(JsValue)>,
}

/// The unread events.
#[derive(Debug, Clone)]
struct Queue {
    events: Rc<RefCell<VecDeque<GatheringEvent>>>,
    since: Instant,
}

impl Queue {
    fn push(&self, event: GatheringEvent) {
        // The queue is never borrowed while code of the browser runs.
        if let Ok(mut events) = self.events.try_borrow_mut()
            && events.len() < MAX_EVENTS
        {
            events.push_back(event);
        }
    }
}

impl GatheringHandle {
    pub(crate) fn start(config: RoomConfig) -> Result<Self, RoomError> {
        Self::open(&config).map_err(|Exception(why)| RoomError::NoWebRtc(why))
    }

    fn open(config: &RoomConfig) -> js::Result<Self> {
        let connection = Connection::with(&config.ice_servers, config.route, None)?;
        let queue = Queue {
            events: Rc::default(),
            since: Instant::now(),
        };
        let candidates = Closure::new({
            let queue = queue.clone();
            move |event: RtcPeerConnectionIceEvent| {
                let after = queue.since.elapsed();
                // The end has no candidate, or an empty one in older browsers.
                let text = event.candidate().map(|candidate| candidate.candidate());
                match text.filter(|text| !text.is_empty()) {
                    None => queue.push(GatheringEvent::Completed { after }),
                    Some(text) => {
                        if let Some(candidate) = GatheredCandidate::parse(&text) {
                            queue.push(GatheringEvent::Candidate { candidate, after });
                        }
                    }
                }
            }
        });
        let errors = Closure::new({
            let queue = queue.clone();
            move |event: JsValue| {
                queue.push(GatheringEvent::ServerFailed {
                    failure: failure(&event),
                    after: queue.since.elapsed(),
                });
            }
        });
        let handle = Self {
            connection,
            queue,
            _candidates: candidates,
            _errors: errors,
        };
        let connection = &handle.connection;
        connection.on("onicecandidate", handle._candidates.as_ref());
        connection.on("onicecandidateerror", handle._errors.as_ref());
        connection.create_channel(Channel::Events)?;
        let (connection, queue) = (connection.clone(), handle.queue.clone());
        spawn_local(async move {
            if let Err(Exception(why)) = describe(&connection).await {
                queue.push(GatheringEvent::Stopped(why));
            }
        });
        Ok(handle)
    }

    pub(crate) fn poll(&mut self) -> Option<GatheringEvent> {
        self.queue.events.borrow_mut().pop_front()
    }
}

impl Drop for GatheringHandle {
    fn drop(&mut self) {
        for event in ["onicecandidate", "onicecandidateerror"] {
            self.connection.on(event, &JsValue::NULL);
        }
        self.connection.close();
    }
}

async fn describe(connection: &Connection) -> js::Result<()> {
    let sdp = connection.create(Kind::Offer).await?;
    connection.set_local(Kind::Offer, &sdp).await
}

/// Converts an `RTCPeerConnectionIceErrorEvent`.
fn failure(event: &JsValue) -> ServerFailure {
    let property = |name| js::get(event, name).unwrap_or(JsValue::UNDEFINED);
    let code = property("errorCode").as_f64().unwrap_or_default() as u16;
    let text = property("errorText").as_string().unwrap_or_default();
    // Firefox has no texts.
    let text = if text.is_empty() {
        "the browser gives no reason"
    } else {
        &text
    };
    let text: String = text
        .trim_end_matches('.')
        .chars()
        .take(MAX_TEXT_LEN)
        .collect();
    if code >= NOT_REACHED && text.contains("lookup") {
        ServerFailure::UnknownName(text)
    } else if code >= NOT_REACHED {
        ServerFailure::NoAnswer(text)
    } else {
        ServerFailure::Refused { code, text }
    }
}
