//! The encoding of states.

use bytes::Bytes;

use super::{
    baseline::{Baseline, States},
    error::DecodeError,
    models::{ComponentModels, Models},
    names::Names,
    register::{decode_register, encode_register},
    start::Previous,
    state::{Head, StateRef},
};
use crate::{
    claim::Register,
    column::{self, Number},
    entropy::{Decoder, Encoder},
    id::EntityId,
    layout::{Component, ComponentId, ComponentSet, Layout, MAX_ENTITY_LEN, Place},
    world::values,
};

/// The values that a record encodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    /// The sender's tick.
    pub(super) tick: u32,
    pub(super) register: Register,
    pub(super) is_public: bool,
    pub(super) components: ComponentSet,
    pub(super) numbers: &'a [i32],
    pub(super) blobs: &'a [Bytes],
}

/// A state in the making. The memory is reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) numbers: Vec<Number>,
    pub(super) blobs: Vec<Bytes>,
}

impl Scratch {
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.blobs.clear();
    }
}

/// Encodes a state, and returns it as the receiver will have it.
pub(super) fn encode_state(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    names: &mut Names,
    layout: &Layout,
    previous: &mut Previous,
    id: EntityId,
    base: Option<Baseline<'_>>,
    values: Values<'_>,
    out: &mut Scratch,
) -> Option<Head> {
    models.is_delta.encode(encoder, base.is_some());
    let known = base.map(|base| base.state);
    let earlier = base.and_then(|base| base.earlier);
    if let Some(base) = base {
        let is_same_age = base.age == previous.age;
        models.is_same_age.encode(encoder, is_same_age);
        if !is_same_age {
            models.age.encode(encoder, base.age);
            previous.age = base.age;
        }
        models.has_earlier.encode(encoder, earlier.is_some());
        if let Some(earlier) = earlier {
            let is_same_gap = earlier.gap == previous.gap;
            models.is_same_gap.encode(encoder, is_same_gap);
            if !is_same_gap {
                models.gap.encode(encoder, earlier.gap);
                previous.gap = earlier.gap;
            }
        }
        let head = base.state.head;
        let has_head = head.register != values.register
            || head.is_public != values.is_public
            || head.components != values.components;
        models.has_head.encode(encoder, has_head);
        if has_head && !encode_head(encoder, models, names, id, values) {
            return None;
        }
    } else if !encode_head(encoder, models, names, id, values) {
        return None;
    }
    out.clear();
    let ticks = ticks_since(known, values.tick);
    let earlier = earlier.map(|earlier| earlier.state);
    for (component, of, place) in layout.places(values.components) {
        let before = known.and_then(|state| at(layout, state, component));
        match (models.components.get_mut(component.index())?, place) {
            (ComponentModels::Fields(models), Place::Numbers(range)) => {
                let start = out.numbers.len();
                out.numbers.resize(start + range.len(), Number::default());
                let to = out.numbers.get_mut(start..)?;
                let now = values.numbers.get(range)?;
                let earlier = earlier.and_then(|state| at(layout, state, component));
                let base = column_base(of, before.as_ref(), earlier.as_ref(), ticks);
                column::encode(encoder, models, of.fields(), &base, 0, now, to).ok()?;
                if before.is_none() {
                    at_rest(to);
                }
            }
            (ComponentModels::Blob(models), Place::Blob(index)) => {
                let now = values.blobs.get(index)?;
                let before = match &before {
                    Some((state, Place::Blob(index))) => state.blobs.get(*index),
                    _ => None,
                };
                models.encode(encoder, before, now);
                out.blobs.push(now.clone());
            }
            _ => return None,
        }
    }
    Some(Head {
        tick: values.tick,
        ticks,
        register: values.register,
        is_public: values.is_public,
        components: values.components,
    })
}

/// Returns where a component is in a state that has it.
fn at<'a>(
    layout: &Layout,
    state: StateRef<'a>,
    component: ComponentId,
) -> Option<(StateRef<'a>, Place)> {
    let place = layout.place(state.head.components, component)?;
    Some((state, place))
}

/// Returns the baseline of a component, which is unknown in a new entity.
fn column_base<'a>(
    component: &'a Component,
    base: Option<&(StateRef<'a>, Place)>,
    earlier: Option<&(StateRef<'a>, Place)>,
    age: u32,
) -> column::Baseline<'a> {
    let Some((state, Place::Numbers(range))) = base else {
        return column::Baseline {
            numbers: component.unknown(),
            ticks: 1,
            age,
            earlier: None,
        };
    };
    let earlier = match earlier {
        Some((earlier, Place::Numbers(range))) => Some(column::Earlier {
            numbers: earlier.numbers.get(range.clone()).unwrap_or_default(),
            ticks: ticks_since(Some(*earlier), state.head.tick),
        }),
        _ => None,
    };
    column::Baseline {
        numbers: state.numbers.get(range.clone()).unwrap_or_default(),
        ticks: state.head.ticks,
        age,
        earlier,
    }
}

/// A value without a baseline has not moved: the way from 0 to it predicts nothing.
fn at_rest(numbers: &mut [Number]) {
    for number in numbers {
        *number = Number::new(number.value);
    }
}

/// Returns the number of ticks since a baseline, which predicts how far a value has moved.
fn ticks_since(base: Option<StateRef<'_>>, tick: u32) -> u32 {
    let since = base.map_or(1, |state| tick.saturating_sub(state.head.tick));
    since.clamp(1, MAX_TICKS)
}

/// The longest time for which a prediction continues a movement, in ticks.
const MAX_TICKS: u32 = 255;

fn encode_head(
    encoder: &mut Encoder<'_>,
    models: &mut Models,
    names: &mut Names,
    id: EntityId,
    values: Values<'_>,
) -> bool {
    let is_named = encode_register(encoder, models, names, id, values.register);
    models.is_public.encode(encoder, values.is_public);
    for (index, model) in models.has_component.iter_mut().enumerate() {
        model.encode(encoder, values.components.has(index));
    }
    is_named
}

/// Decodes a state relative to those that the receiver has.
pub(super) fn decode_state<'a>(
    decoder: &mut Decoder<'_>,
    models: &mut Models,
    names: &Names,
    layout: &Layout,
    previous: &mut Previous,
    id: EntityId,
    tick: u32,
    states: &impl States<'a>,
    out: &mut Scratch,
) -> Result<Head, DecodeError> {
    let (mut known, mut earlier) = (None, None);
    let mut head = None;
    if models.is_delta.decode(decoder) {
        if !models.is_same_age.decode(decoder) {
            previous.age = models.age.decode(decoder);
        }
        let state = states.baseline(previous.age);
        let state = state.ok_or(DecodeError::UnknownBaseline)?;
        known = Some(state);
        if models.has_earlier.decode(decoder) {
            if !models.is_same_gap.decode(decoder) {
                previous.gap = models.gap.decode(decoder);
            }
            let state = states.earlier(previous.age, previous.gap);
            earlier = Some(state.ok_or(DecodeError::UnknownBaseline)?);
        }
        if !models.has_head.decode(decoder) {
            head = Some((
                state.head.register,
                state.head.is_public,
                state.head.components,
            ));
        }
    }
    let (register, is_public, components) = match head {
        Some(head) => head,
        None => decode_head(decoder, models, names, layout, id)?,
    };
    out.clear();
    let ticks = ticks_since(known, tick);
    for (component, of, _) in layout.places(components) {
        let before = known.and_then(|state| at(layout, state, component));
        match models.components.get_mut(component.index()) {
            Some(ComponentModels::Fields(models)) => {
                let start = out.numbers.len();
                out.numbers.resize(start + of.len(), Number::default());
                let to = out.numbers.get_mut(start..).unwrap_or_default();
                let earlier = earlier.and_then(|state| at(layout, state, component));
                let base = column_base(of, before.as_ref(), earlier.as_ref(), ticks);
                column::decode(decoder, models, of.fields(), &base, 0, to)
                    .map_err(|_| DecodeError::OutOfRange)?;
                if before.is_none() {
                    at_rest(to);
                }
            }
            Some(ComponentModels::Blob(models)) => {
                let before = match &before {
                    Some((state, Place::Blob(index))) => state.blobs.get(*index),
                    _ => None,
                };
                out.blobs.push(models.decode(decoder, before)?);
            }
            None => return Err(DecodeError::OutOfRange),
        }
    }
    if decoder.is_past_end() {
        return Err(DecodeError::TooShort);
    }
    if values::len(out.numbers.len(), &out.blobs) > MAX_ENTITY_LEN {
        return Err(DecodeError::OutOfRange);
    }
    Ok(Head {
        tick,
        ticks,
        register,
        is_public,
        components,
    })
}

fn decode_head(
    decoder: &mut Decoder<'_>,
    models: &mut Models,
    names: &Names,
    layout: &Layout,
    id: EntityId,
) -> Result<(Register, bool, ComponentSet), DecodeError> {
    let register = decode_register(decoder, models, names, id)?;
    let is_public = models.is_public.decode(decoder);
    let mut components = ComponentSet::EMPTY;
    for ((id, _), model) in layout.iter().zip(&mut models.has_component) {
        if model.decode(decoder) {
            components.insert(id);
        }
    }
    Ok((register, is_public, components))
}
