//! The body of an answer with a part of the list of rooms.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    vec,
};

use axum::body::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use crate::directory::Page;

/// The number of bytes that are copied at once. A client that reads slowly needs memory for a few of
/// these chunks, and not for the whole answer.
const CHUNK_BYTES: usize = 8 * 1024;

/// Sends a [`Page`] in chunks.
pub(crate) struct PageBody {
    parts: vec::IntoIter<Arc<[u8]>>,
    /// The number of bytes in the remaining parts.
    left: usize,
}

impl PageBody {
    pub(crate) fn new(page: Page) -> Self {
        let parts = page.into_parts();
        Self {
            left: parts.iter().map(|part| part.len()).sum(),
            parts: parts.into_iter(),
        }
    }
}

impl Body for PageBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let mut chunk = Vec::new();
        while chunk.len() < CHUNK_BYTES
            && let Some(part) = self.parts.next()
        {
            chunk.extend_from_slice(&part);
        }
        self.left -= chunk.len();
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.into()))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.left).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, pin::pin};

    use super::*;
    use crate::{
        directory::{Directory, ListRequest},
        rooms::RoomKey,
        settings::{Listing, Metadata},
    };

    #[tokio::test]
    async fn long_page_is_sent_in_chunks() {
        let mut directory = Directory::new(1000);
        for n in 100..200 {
            let name = n.to_string();
            let listing = Listing {
                name: name.clone(),
                players: 1,
                capacity: 8,
                metadata: Metadata::try_from("\u{1}".repeat(256)).unwrap(),
            };
            let (app, next) = (String::new(), None);
            directory.set(&RoomKey { app, name, next }, Some(&listing));
        }
        let all = ListRequest::parse(&"/rooms?limit=100".parse().unwrap(), &[]).unwrap();
        let mut body = pin!(PageBody::new(directory.page(&all)));
        let length = body.size_hint().exact().unwrap();
        let mut received = Vec::new();
        while !body.is_end_stream() {
            let frame = poll_fn(|context| body.as_mut().poll_frame(context)).await;
            let data = frame.unwrap().unwrap().into_data().unwrap();
            assert!(data.len() < CHUNK_BYTES + 2048, "{}", data.len());
            received.extend_from_slice(&data);
        }
        assert!(
            poll_fn(|context| body.as_mut().poll_frame(context))
                .await
                .is_none()
        );
        assert_eq!(u64::try_from(received.len()).unwrap(), length);
        let page: serde_json::Value = serde_json::from_slice(&received).unwrap();
        assert_eq!(page["rooms"].as_array().unwrap().len(), 100);
    }
}
