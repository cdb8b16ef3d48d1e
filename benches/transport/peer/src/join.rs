//! The roles that measure how long joining takes.

use std::time::Instant;

use crate::{
    control::Control,
    message::Message,
    options::Options,
    pace::Pace,
    report::Report,
    transport::{Channel, Event, Transport},
};

/// Sends a message to each peer that joins.
pub(crate) fn wait<T: Transport>(options: &Options, control: &Control) -> anyhow::Result<()> {
    let mut transport = T::join(&options.room)?;
    let mut polls = Pace::new(Instant::now(), options.poll_interval());
    let (mut events, mut is_in_room) = (Vec::new(), false);
    while !control.is_ended() {
        transport.poll(&mut events)?;
        for event in events.drain(..) {
            if let Event::Joined(peer) = event {
                let hello = Message::Hello.encode(options.payload);
                transport.send(peer, Channel::Reliable, hello)?;
            }
        }
        if !is_in_room && transport.local_id().is_some() {
            is_in_room = true;
            Report::InRoom.print()?;
        }
        polls.sleep();
    }
    Ok(())
}

/// Measures the time to the first message.
pub(crate) fn measure<T: Transport>(options: &Options, control: &Control) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut transport = T::join(&options.room)?;
    let mut polls = Pace::new(start, options.poll_interval());
    let (mut events, mut is_reported) = (Vec::new(), false);
    while !control.is_ended() {
        transport.poll(&mut events)?;
        for event in events.drain(..) {
            if matches!(event, Event::Message(..)) && !is_reported {
                is_reported = true;
                Report::Joined(start.elapsed().as_secs_f64() * 1e3).print()?;
            }
        }
        polls.sleep();
    }
    Ok(())
}
