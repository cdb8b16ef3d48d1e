//! What the callers of the sessions do.

use super::*;

impl Room {
    /// Does something random.
    pub(super) fn act(&mut self) {
        let at = self.rng.usize(..self.peers.len());
        let ids: Vec<_> = self.peers.iter().map(|peer| peer.id).collect();
        let rng = &mut self.rng;
        let peer = &mut self.peers[at];
        let session = &mut peer.session;
        let known: Vec<_> = session.entities().collect();
        let mine: Vec<_> = known
            .iter()
            .copied()
            .filter(|id| session.owner(*id) == Some(peer.id))
            .collect();
        let one =
            |rng: &mut Rng, of: &[EntityId]| (!of.is_empty()).then(|| of[rng.usize(..of.len())]);
        if self.callers.is_churning
            && let Some(id) = one(rng, &mine)
        {
            let all = rng.bool();
            let others = ids.iter().copied().filter(|_| rng.bool()).collect();
            let visibility = [Visibility::Only(others), Visibility::All];
            let _ = session.set_visibility(id, visibility[usize::from(all)].clone());
        }
        // A peer that starts again has not been in the room long enough to be the host.
        let is_host = session.host == Some(peer.id);
        if self.callers.restart && !is_host && rng.u32(..150) == 0 {
            return self.restart(at);
        }
        match rng.u32(..100) {
            0..12 if known.len() < self.callers.entities => {
                let policy = [
                    Policy::Fixed,
                    Policy::OnRequest,
                    Policy::ByTouch,
                    Policy::Host,
                ][rng.usize(..4)];
                let mut new = NewEntity::new(policy);
                if rng.u32(..4) == 0 {
                    new.owner_gone = [OwnerGone::Forget, OwnerGone::PassOn][rng.usize(..2)];
                }
                let values = random_values(session.layout(), rng);
                let values: Vec<_> = values
                    .iter()
                    .map(|(id, value)| (*id, value.as_value()))
                    .collect();
                let id = session.spawn(new, &values).unwrap();
                peer.shown.insert(id);
            }
            12..72 => {
                for id in mine {
                    if rng.u32(..3) > 0 {
                        change(session, id, rng);
                    }
                }
            }
            72..76 => {
                if let Some(id) = one(rng, &mine) {
                    // The host may be another peer.
                    let _ = session.despawn(id);
                }
            }
            76..90 => {
                if let Some(id) = one(rng, &known) {
                    peer.claims += 1;
                    match rng.u32(..3) {
                        0 => session.claim(id),
                        1 => session.touch(id),
                        _ => session.hold(id),
                    }
                    .unwrap();
                }
            }
            90..94 => {
                if let Some(id) = one(rng, &mine) {
                    let to = ids[rng.usize(..ids.len())];
                    let _ = session.release(id);
                    if may_give(&self.callers, session, id) {
                        let _ = session.give(id, to);
                    }
                }
            }
            94..98 => {
                if let Some(id) = one(rng, &mine) {
                    let peers: BTreeSet<_> = ids.into_iter().filter(|_| rng.bool()).collect();
                    let visibility = match rng.u32(..3) {
                        0 => Visibility::Only(peers),
                        1 => Visibility::Except(peers),
                        _ => Visibility::All,
                    };
                    let result = session.set_visibility(id, visibility);
                    // Entities of the host cannot be hidden.
                    assert!(matches!(
                        result,
                        Ok(()) | Err(EntityError::HostVisibility(_))
                    ));
                }
            }
            98 if ids.len() < 6 && self.callers.come_and_go => self.join(),
            99 if ids.len() > 2 && self.callers.come_and_go => self.leave(at),
            _ => {}
        }
    }
}

pub(super) enum Owned {
    Numbers(Vec<i32>),
    Blob(Vec<u8>),
}

impl Owned {
    pub(super) fn as_value(&self) -> Value<'_> {
        match self {
            Self::Numbers(numbers) => Value::Numbers(numbers),
            Self::Blob(blob) => Value::Blob(blob),
        }
    }
}

pub(super) fn random_value(layout: &Layout, id: ComponentId, rng: &mut Rng) -> Owned {
    let component = layout.get(id).unwrap();
    if component.is_blob() {
        return Owned::Blob((0..rng.usize(..20)).map(|_| rng.u8(b'a'..=b'z')).collect());
    }
    let mut numbers = Vec::new();
    for field in component.fields() {
        match *field {
            Field::Vector { axes, max } => {
                let axes = max.iter().take(axes.into());
                numbers.extend(axes.map(|max| rng.u32(..=*max) as i32));
            }
            Field::Angle { bits } => numbers.push(rng.i32(0..1 << bits)),
            Field::Flag => numbers.push(rng.i32(0..2)),
            Field::Rotation { bits } => {
                numbers.push(rng.i32(0..4));
                let middle = (1 << bits) / 2;
                numbers.extend((0..3).map(|_| middle + rng.i32(-middle / 2..middle / 2)));
            }
        }
    }
    Owned::Numbers(numbers)
}

pub(super) fn random_values(layout: &Layout, rng: &mut Rng) -> Vec<(ComponentId, Owned)> {
    let ids: Vec<_> = layout
        .iter()
        .map(|(id, _)| id)
        .filter(|_| rng.bool())
        .collect();
    ids.into_iter()
        .map(|id| (id, random_value(layout, id, rng)))
        .collect()
}

/// Returns whether an entity can be given away. A relay cannot replace a link that is lost before a hidden
/// entity has arrived.
pub(super) fn may_give(callers: &Callers, session: &SnapshotSession, id: EntityId) -> bool {
    !callers.is_partial || !session.is_restricted(id)
}

/// Changes one component, or adds or removes one.
pub(super) fn change(session: &mut SnapshotSession, id: EntityId, rng: &mut Rng) {
    let ids: Vec<_> = session.layout().iter().map(|(id, _)| id).collect();
    let component = ids[rng.usize(..ids.len())];
    if rng.u32(..20) == 0 {
        session.remove_component(id, component).unwrap();
        return;
    }
    let value = match session.get(id, component) {
        // Usually a small movement.
        Some(Value::Numbers(numbers)) if numbers.len() > 1 && rng.u32(..8) > 0 => {
            let mut numbers = numbers.to_vec();
            numbers[0] = (numbers[0] + rng.i32(-5..40)).clamp(0, 4095);
            Owned::Numbers(numbers)
        }
        _ => random_value(session.layout(), component, rng),
    };
    session.set(id, component, value.as_value()).unwrap();
}
