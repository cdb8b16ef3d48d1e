//! The download of a list of rooms. The server may be hostile.

use std::{
    ops::ControlFlow,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use ehttp::{
    Request,
    streaming::{Part, fetch},
};
use huddle_mesh::{RoomList, RoomListRequest};

use crate::room_list::error::{RoomListError, TIMEOUT};

/// The maximum length of a text of the server or the platform, in characters.
const MAX_REASON: usize = 200;

/// A download in the background: in a thread, or in the browser.
#[derive(Debug)]
pub(super) struct Download {
    request: RoomListRequest,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Debug, Default)]
struct Progress {
    status: u16,
    body: Vec<u8>,
    /// The result, as soon as the download has ended.
    end: Option<Result<(), Failure>>,
}

#[derive(Debug, Clone)]
enum Failure {
    Unreachable(String),
    TooLong,
}

impl Download {
    /// Starts a download. It drops `slot` when it has ended. Dropping the download stops it.
    pub(super) fn start(request: RoomListRequest, slot: Arc<()>) -> Self {
        let progress = Arc::new(Mutex::new(Progress::default()));
        let weak = Arc::downgrade(&progress);
        let http = Request::get(request.http_url()).with_timeout(Some(TIMEOUT));
        fetch(http, move |part| {
            let _ = &slot;
            match weak.upgrade() {
                Some(progress) => lock(&progress).receive(part),
                None => ControlFlow::Break(()),
            }
        });
        Self { request, progress }
    }

    /// Returns the address of the list.
    pub(super) fn url(&self) -> String {
        self.request.http_url()
    }

    /// Returns the result, once.
    pub(super) fn take_result(&mut self) -> Option<Result<RoomList, RoomListError>> {
        let mut progress = lock(&self.progress);
        let url = self.request.http_url();
        Some(match progress.end.take()? {
            Err(Failure::Unreachable(reason)) => Err(RoomListError::Unreachable {
                url,
                reason: excerpt(&reason),
            }),
            Err(Failure::TooLong) => Err(RoomListError::NotAList { url }),
            Ok(()) if progress.status == 200 => {
                let list = self.request.parse(&progress.body);
                list.ok_or(RoomListError::NotAList { url })
            }
            Ok(()) => Err(RoomListError::Refused {
                url,
                status: progress.status,
                reason: excerpt(&String::from_utf8_lossy(&progress.body)),
            }),
        })
    }
}

impl Progress {
    fn receive(&mut self, part: Result<Part, String>) -> ControlFlow<()> {
        match part {
            Ok(Part::Response(response)) => {
                self.status = response.status;
                return ControlFlow::Continue(());
            }
            Ok(Part::Chunk(bytes)) if bytes.is_empty() => self.end = Some(Ok(())),
            Ok(Part::Chunk(bytes)) => {
                if self.body.len() + bytes.len() <= RoomListRequest::MAX_ANSWER_LEN {
                    self.body.extend_from_slice(&bytes);
                    return ControlFlow::Continue(());
                }
                self.end = Some(Err(Failure::TooLong));
            }
            Err(reason) => self.end = Some(Err(Failure::Unreachable(reason))),
        }
        ControlFlow::Break(())
    }
}

/// Returns the beginning of a text, without line breaks and other control characters.
fn excerpt(text: &str) -> String {
    let printable = text.trim().chars().filter(|c| !c.is_control());
    printable.take(MAX_REASON).collect()
}

/// Locks a mutex, even if it is poisoned: the data would still be consistent after a panic.
fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    progress.lock().unwrap_or_else(PoisonError::into_inner)
}
