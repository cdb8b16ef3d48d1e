//! The signals that end the program.

use std::{future::pending, io};

use tokio::sync::watch;

/// Returns two futures: one completes on the first SIGTERM or Ctrl-C, the other on the second.
pub(crate) fn first_and_second() -> io::Result<(impl Future<Output = ()>, impl Future<Output = ()>)>
{
    let (count, received) = watch::channel(0_u32);
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        while signals.next().await.is_some() {
            count.send_modify(|count| *count = count.saturating_add(1));
        }
    });
    Ok((at_least(1, received.clone()), at_least(2, received)))
}

async fn at_least(number: u32, mut received: watch::Receiver<u32>) {
    if received.wait_for(|&count| count >= number).await.is_err() {
        // There will be no signals.
        pending().await
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> Option<()> {
        tokio::select! {
            signal = self.terminate.recv() => signal,
            signal = self.interrupt.recv() => signal,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> Option<()> {
        tokio::signal::ctrl_c().await.ok()
    }
}
