use super::*;
use crate::{
    claim::{OwnerGone, Policy},
    column::Field,
    layout::Shape,
    link::{Outgoing, Space},
    numbering::number,
    world::{Value, Values},
};

const SENDER: PeerId = PeerId::from_u128(1);
const RECEIVER: PeerId = PeerId::from_u128(2);

/// Returns a world with entities that have all flags of a layout with this many flags, and a link that
/// sends them.
fn entities_with_flags(count: u32, flags: usize) -> (World, Outgoing, Incoming) {
    let components = (0..flags).map(|n| (format!("{n:03}"), Shape::Fields(vec![Field::Flag])));
    let layout = Arc::new(Layout::new(components).unwrap());
    let mut world = World::new(SENDER);
    let mut outgoing = Outgoing::new(SENDER, RECEIVER, Arc::clone(&layout));
    let mut values = Values::default();
    for (id, _) in layout.iter() {
        values.set(&layout, id, Value::Numbers(&[0]));
    }
    for count in 0..count {
        let number = number(Policy::Fixed, OwnerGone::Forget, count);
        let index = world.enter(EntityId::spawned(SENDER, number)).unwrap();
        world.get_mut(index).unwrap().values = Some(values.clone());
        outgoing.enqueue(index);
    }
    let incoming = Incoming::new(SENDER, RECEIVER, layout);
    (world, outgoing, incoming)
}

fn write(outgoing: &mut Outgoing, world: &World, seq: u64) -> Vec<u8> {
    let (wanted, most) = (1200, 1200);
    let mut bytes = Vec::new();
    assert!(outgoing.start_packet(seq));
    outgoing.write(world, seq, 0, Space { wanted, most }, &mut bytes);
    bytes
}

#[test]
fn packet_with_more_than_a_peer_sends_is_refused() {
    for (count, flags) in [(5000, 0), (300, 80)] {
        let (world, mut outgoing, mut incoming) = entities_with_flags(count, flags);
        (outgoing.room, outgoing.max_weight) = (5000, usize::MAX);
        let bytes = write(&mut outgoing, &world, 1);
        assert!(bytes.len() < 600, "{}: such a packet is short", bytes.len());
        let mut world = World::new(RECEIVER);
        let result = incoming.receive(&mut world, 1, 0, &bytes);
        assert_eq!(result, Err(DecodeError::TooMuch));
        assert!(world.places() < 1000, "{}", world.places());
    }
}

#[test]
fn memory_of_a_link_is_bounded_and_everything_arrives() {
    for (count, flags) in [(9000, 0), (3000, 40), (1000, 80)] {
        let (world, mut outgoing, mut incoming) = entities_with_flags(count, flags);
        let mut at_receiver = World::new(RECEIVER);
        outgoing.room = 5000;
        let mut longest = 0;
        for seq in 0..80 {
            let bytes = write(&mut outgoing, &world, seq);
            if !bytes.is_empty() {
                incoming.receive(&mut at_receiver, seq, 0, &bytes).unwrap();
                longest = longest.max(incoming.packet(seq).unwrap().weight());
                outgoing.delivered(seq);
            }
            assert!(incoming.history.memory() <= 8 << 20);
            assert!(outgoing.history.memory() <= 8 << 20);
        }
        assert_eq!(at_receiver.places(), count as usize);
        assert!(longest > MAX_WEIGHT * 9 / 10, "{longest}");
    }
}
