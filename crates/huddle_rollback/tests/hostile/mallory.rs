use arbitrary::{Result, Unstructured};
use bytes::Bytes;

use super::{
    honest::Honest,
    said::{self, Context},
};

/// The hostile player as one honest player sees it: an honest machine, and what it does otherwise.
pub(super) struct Face {
    pub(super) machine: Honest,
    pub(super) habits: Habits,
    pub(super) context: Context,
    /// What arrived and was not acked.
    pub(super) held: Vec<u32>,
    /// The number of the next packet.
    pub(super) next_packet: u64,
    /// How far ahead of its own game it claims its inputs to be, while it stands still.
    lead: u32,
}

/// What it does in every tick.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Habits {
    /// The machine's packets, or its messages, are not sent.
    pub(super) is_mute: bool,
    pub(super) is_hushed: bool,
    /// No packet is acked.
    pub(super) is_deaf: bool,
    /// The machine does not step.
    pub(super) is_frozen: bool,
    /// Its inputs and its checksums are others than they should be.
    pub(super) inputs: u8,
    pub(super) checksums: u64,
    /// In place of the machine's packets such with so many ticks each, while standing still or not.
    pub(super) more: Option<(u8, bool)>,
    /// It says that the listener is lost, and the next time that it is not.
    pub(super) toggles: bool,
    pub(super) wishes: bool,
}

impl Face {
    pub(super) fn new(machine: Honest, context: Context) -> Self {
        Self {
            machine,
            habits: Habits::default(),
            context,
            held: Vec::new(),
            next_packet: 0,
            lead: 0,
        }
    }

    /// One of the habits changes.
    pub(super) fn change(&mut self, u: &mut Unstructured) -> Result<()> {
        let habits = &mut self.habits;
        let flip = |flag: &mut bool| *flag = !*flag;
        match u.int_in_range(0..=9)? {
            0 => *habits = Habits::default(),
            1 => flip(&mut habits.is_mute),
            2 => flip(&mut habits.is_hushed),
            3 => flip(&mut habits.is_deaf),
            4 => flip(&mut habits.is_frozen),
            5 => habits.inputs = u.int_in_range(0..=3)?,
            6 => habits.checksums = u.int_in_range(0..=1)?,
            7 => {
                let count = *u.choose(&[0, 1, 2, 8, 128])?;
                habits.more = habits.more.xor(Some((count, u.arbitrary()?)));
            }
            8 => flip(&mut habits.toggles),
            _ => flip(&mut habits.wishes),
        }
        Ok(())
    }

    /// A packet in place of the machine's.
    pub(super) fn more(&mut self) -> Option<Vec<u8>> {
        let (count, stands) = self.habits.more?;
        self.lead = match stands {
            true => self.lead.saturating_add(count.into()),
            false => 2,
        };
        Some(said::more_of_the_same(&mut self.context, count, self.lead))
    }

    /// What it says in every tick.
    pub(super) fn habitual(&mut self, u: &mut Unstructured) -> Result<Vec<Bytes>> {
        let mut messages = Vec::new();
        if self.habits.toggles {
            let is_lost = self.context.version.is_multiple_of(2);
            messages.push(said::toggle(&mut self.context, is_lost));
        }
        if self.habits.wishes {
            messages.push(said::wish(u, &self.context)?);
        }
        Ok(messages)
    }

    /// Learns from what the machine sends where its inputs end.
    pub(super) fn overhear(&mut self, section: &[u8]) {
        if let Some(next) = end_of(section) {
            self.context.next = next;
        }
    }
}

/// The low bits of the tick after the last in a section's first stream.
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
