//! Detects items that are compiled for tests only.

use syn::{Attribute, Item, Meta, Token, punctuated::Punctuated};

/// Returns whether an item with these attributes exists only in test builds.
pub(super) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let path = attribute.path();
        if path.is_ident("test") {
            return true;
        }
        path.is_ident("cfg")
            && attribute
                .parse_args::<Meta>()
                .is_ok_and(|condition| !outside_tests(&condition).can_hold)
    })
}

/// The possible values of a condition in builds that are not for tests.
struct Possible {
    can_hold: bool,
    can_fail: bool,
}

fn outside_tests(condition: &Meta) -> Possible {
    let path = condition.path();
    if path.is_ident("test") {
        return Possible {
            can_hold: false,
            can_fail: true,
        };
    }
    let parts: Vec<Possible> = operands(condition).iter().map(outside_tests).collect();
    if path.is_ident("all") {
        Possible {
            can_hold: parts.iter().all(|part| part.can_hold),
            can_fail: parts.iter().any(|part| part.can_fail),
        }
    } else if path.is_ident("any") {
        Possible {
            can_hold: parts.iter().any(|part| part.can_hold),
            can_fail: parts.iter().all(|part| part.can_fail),
        }
    } else if path.is_ident("not") {
        Possible {
            can_hold: parts.iter().any(|part| part.can_fail),
            can_fail: parts.iter().any(|part| part.can_hold),
        }
    } else {
        Possible {
            can_hold: true,
            can_fail: true,
        }
    }
}

fn operands(condition: &Meta) -> Vec<Meta> {
    match condition {
        Meta::List(list) => list
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .map(|operands| operands.into_iter().collect())
            .unwrap_or_default(),
        _ => Vec::new(),
    }
}

/// The attributes of an item.
pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
