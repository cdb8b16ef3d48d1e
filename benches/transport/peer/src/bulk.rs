//! The roles that measure the throughput.
//!
//! The receiver acks what has arrived, and the sender keeps at most [`WINDOW`] bytes without an
//! ack. So the queues of a library without backpressure are bounded, and all libraries have the
//! same flow control. Both end when the link does.

use std::time::{Duration, Instant};

use crate::{
    control::Control,
    message::Message,
    options::Options,
    pace::Pace,
    report::Report,
    transport::{Channel, Event, Transport},
};

const WINDOW: u64 = 1 << 20;
/// The time between the first message and the measurement.
const WARM_UP: Duration = Duration::from_secs(1);

/// Sends as much as the receiver takes.
pub(crate) fn send<T: Transport>(options: &Options, control: &Control) -> anyhow::Result<()> {
    let mut transport = T::join(&options.room)?;
    let mut polls = Pace::new(Instant::now(), options.poll_interval());
    let (mut events, mut receiver) = (Vec::new(), None);
    let (mut sent, mut acked) = (0, 0);
    let message = Message::Bulk.encode(options.payload);
    while !control.is_ended() {
        transport.poll(&mut events)?;
        for event in events.drain(..) {
            match event {
                Event::Joined(peer) => {
                    receiver = Some(peer);
                    Report::Linked.print()?;
                }
                Event::Left(_) => return Ok(()),
                Event::Message(_, bytes) => {
                    if let Some(Message::Ack(arrived)) = Message::decode(&bytes) {
                        acked = arrived;
                    }
                }
            }
        }
        if let Some(receiver) = receiver.filter(|_| control.is_started()) {
            while sent - acked < WINDOW
                && transport.send(receiver, Channel::Bulk, message.clone())?
            {
                sent += message.len() as u64;
            }
        }
        polls.sleep();
    }
    Ok(())
}

/// Measures how much arrives.
pub(crate) fn receive<T: Transport>(options: &Options, control: &Control) -> anyhow::Result<()> {
    let mut transport = T::join(&options.room)?;
    let mut polls = Pace::new(Instant::now(), options.poll_interval());
    let (mut events, mut arrived, mut acked) = (Vec::new(), 0_u64, 0);
    let (mut first, mut begin, mut is_reported) = (None, None, false);
    while !control.is_ended() {
        transport.poll(&mut events)?;
        let mut sender = None;
        for event in events.drain(..) {
            match event {
                Event::Joined(_) => Report::Linked.print()?,
                Event::Left(_) => return Ok(()),
                Event::Message(peer, bytes) => {
                    if Message::decode(&bytes) == Some(Message::Bulk) {
                        arrived += bytes.len() as u64;
                    }
                    sender = Some(peer);
                }
            }
        }
        // Without a message, an ack that the queue has not accepted waits for the next one.
        if let Some(sender) = sender.filter(|_| arrived > acked) {
            let ack = Message::Ack(arrived).encode(0);
            if transport.send(sender, Channel::Reliable, ack)? {
                acked = arrived;
            }
        }
        let now = Instant::now();
        if arrived > 0 && now >= *first.get_or_insert(now) + WARM_UP {
            let (from, before) = *begin.get_or_insert((now, arrived));
            let time = now - from;
            if time >= options.window() && !is_reported {
                is_reported = true;
                Report::Throughput((arrived - before) as f64 / time.as_secs_f64()).print()?;
            }
        }
        polls.sleep();
    }
    Ok(())
}
