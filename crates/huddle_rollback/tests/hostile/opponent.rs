use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{
    honest::Honest,
    messages::{self, Context},
    sections,
};

/// The hostile player as one honest player sees it: an honest machine, and deviations from it.
pub(super) struct Opponent {
    pub(super) machine: Honest,
    pub(super) habits: Habits,
    pub(super) context: Context,
    /// The tokens of received packets that it has not acked.
    pub(super) unacked: Vec<u64>,
    /// The number of the next packet.
    pub(super) next_packet: u64,
    /// The lead of its inputs over its tick that it claims while that tick does not advance.
    lead: u32,
}

/// Deviations from honest behavior in every tick.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habits {
    /// Does not send the machine's packets.
    pub(super) drops_packets: bool,
    /// Does not send the machine's messages.
    pub(super) drops_messages: bool,
    /// Acks no packets.
    pub(super) withholds_acks: bool,
    /// Does not step the machine.
    pub(super) is_frozen: bool,
    /// Changes the inputs, unless it is 0.
    pub(super) input_change: u8,
    /// Changes the checksums, unless it is 0.
    pub(super) checksum_change: u64,
    /// Sends sections with this many predictable ticks instead of the machine's sections. The flag is
    /// set if its tick does not advance.
    pub(super) predictable: Option<(u8, bool)>,
    /// Reports the receiver as lost in one tick, and as linked in the next one.
    pub(super) toggles_loss: bool,
    /// Sends input requests.
    pub(super) requests_inputs: bool,
}

impl Opponent {
    pub(super) fn new(machine: Honest, context: Context) -> Self {
        Self {
            machine,
            habits: Habits::default(),
            context,
            unacked: Vec::new(),
            next_packet: 0,
            lead: 0,
        }
    }

    /// Changes one of the habits.
    pub(super) fn change_habit(&mut self, u: &mut Unstructured) -> Result<()> {
        let habits = &mut self.habits;
        let flip = |flag: &mut bool| *flag = !*flag;
        match u.int_in_range(0..=9)? {
            0 => *habits = Habits::default(),
            1 => flip(&mut habits.drops_packets),
            2 => flip(&mut habits.drops_messages),
            3 => flip(&mut habits.withholds_acks),
            4 => flip(&mut habits.is_frozen),
            5 => habits.input_change = u.int_in_range(0..=3)?,
            6 => habits.checksum_change = u.int_in_range(0..=1)?,
            7 => {
                let count = *u.choose(&[0, 1, 2, 8, 128])?;
                habits.predictable = habits.predictable.xor(Some((count, u.arbitrary()?)));
            }
            8 => flip(&mut habits.toggles_loss),
            _ => flip(&mut habits.requests_inputs),
        }
        Ok(())
    }

    /// Returns the section to send instead of the machine's, if its habits require one.
    pub(super) fn predictable_section(&mut self) -> Option<Vec<u8>> {
        let (count, is_still) = self.habits.predictable?;
        self.lead = match is_still {
            true => self.lead.saturating_add(count.into()),
            false => 2,
        };
        Some(sections::predictable_section(
            &mut self.context,
            count,
            self.lead,
        ))
    }

    /// Returns the messages that its habits require in a tick.
    pub(super) fn habitual_messages(&mut self, u: &mut Unstructured) -> Result<Vec<Bytes>> {
        let mut sent = Vec::new();
        if self.habits.toggles_loss {
            let is_lost = self.context.version.is_multiple_of(2);
            sent.push(messages::loss_of_receiver(&mut self.context, is_lost));
        }
        if self.habits.requests_inputs {
            sent.push(messages::input_request(u, &self.context)?);
        }
        Ok(sent)
    }

    /// Records the end of the inputs in a section that the machine sends.
    pub(super) fn note_end(&mut self, section: &[u8]) {
        if let Some(next) = end_of(section) {
            self.context.next = next;
        }
    }
}

/// Returns the low bits of the tick after the last one in the first stream of a section.
fn end_of(section: &[u8]) -> Option<u8> {
    let (&[_, head], mut rest) = section.split_first_chunk()?;
    let mut skip = |len| rest.split_off(..len);
    if head & 15 == 15 {
        while skip(1)?[0] >= 0x80 {}
    }
    for (flag, len) in [(6, 1), (4, 1), (5, 10)] {
        if head >> flag & 1 == 1 {
            skip(len)?;
        }
    }
    let count = skip(1)?[0];
    (1..=128)
        .contains(&count)
        .then_some(skip(1)?[0].wrapping_add(count))
}
