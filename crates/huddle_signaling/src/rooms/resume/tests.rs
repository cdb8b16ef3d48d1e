use super::*;
use crate::{
    access::{Access, TokenId},
    message::ResumeSecret,
    rooms::fixtures::{MAX_MEMBERS, RESUME_TIMEOUT, key, peer, registry, request},
    settings::{RoomStatus, Settings},
};

mod convergence;

const TICK: Duration = Duration::from_millis(200);

fn resuming(key: RoomKey, secret: ResumeSecret) -> JoinRequest {
    JoinRequest {
        resume: Some(secret),
        ..request(key)
    }
}

/// Joins a client, and returns its id and secret.
fn join(registry: &mut Registry, n: u128, request: JoinRequest) -> (PeerId, ResumeSecret) {
    let (id, deliveries) = registry.join(peer(n), request).unwrap();
    (id, session(&deliveries).resume)
}

fn session(deliveries: &[Delivery<'static>]) -> crate::message::Session {
    match &deliveries[1].event {
        Event::Extension(Extension::Session(session)) => session.clone(),
        other => panic!("expected a session after `IdAssigned`, got {other:?}"),
    }
}

fn extension(extension: Extension, to: &[PeerId]) -> Delivery<'static> {
    Delivery::new(Event::Extension(extension), to.to_vec())
}

#[test]
fn spread_of_returns_grows_with_the_number_of_clients() {
    let seconds = |clients| spread(clients).as_secs_f64();
    assert_eq!(seconds(0), 4.0);
    assert_eq!(seconds(1000), 7.5);
    assert_eq!(seconds(4000), 30.0);
    assert_eq!(seconds(usize::MAX), 30.0);
}

#[test]
fn member_takes_its_place_again() {
    let mut registry = registry();
    let (a, _) = join(&mut registry, 1, request(key("r", 0)));
    let (b, secret) = join(&mut registry, 2, request(key("r", 0)));
    let doubtful = extension(Extension::Doubtful(b), &[a]);
    assert_eq!(registry.lose(b), [doubtful]);
    assert_eq!(registry.peers(), 2);

    let request = resuming(key("r", 0), secret);
    let (id, deliveries) = registry.join(peer(9), request).unwrap();
    assert_eq!(id, b);
    assert_eq!(deliveries[0].event, PeerEvent::IdAssigned(b).into());
    assert_eq!(session(&deliveries).members, Some(vec![a]));
    let status = RoomStatus {
        keeper: a,
        settings: Settings::new(MAX_MEMBERS),
    };
    let room = extension(Extension::Room(status), &[b]);
    assert_eq!(
        deliveries[2..],
        [room, extension(Extension::Resumed(b), &[a])]
    );
    assert_eq!(registry.peers(), 2);
}

#[test]
fn secret_works_once_and_only_in_its_room() {
    let mut registry = registry();
    let (b, secret) = join(&mut registry, 2, request(key("r", 0)));
    registry.lose(b);
    let (elsewhere, _) = join(&mut registry, 3, resuming(key("other", 0), secret));
    assert_eq!(elsewhere, peer(3));
    let (resumed, _) = join(&mut registry, 4, resuming(key("r", 0), secret));
    assert_eq!(resumed, b);
    // The client may not have received its new secret.
    let (resumed, _) = join(&mut registry, 5, resuming(key("r", 0), secret));
    assert_eq!(resumed, b);
    registry.confirm_session(b);
    let (again, _) = join(&mut registry, 6, resuming(key("r", 0), secret));
    assert_eq!(again, peer(6));
}

#[test]
fn place_ends_after_the_timeout_and_never_before() {
    let mut registry = registry();
    let (a, _) = join(&mut registry, 1, request(key("r", 0)));
    let (b, secret) = join(&mut registry, 2, request(key("r", 0)));
    registry.tick(TICK);
    registry.lose(b);
    // The loss can be up to one tick later than the clock of the registry.
    assert_eq!(registry.tick(RESUME_TIMEOUT).0, []);
    let left = Delivery::new(PeerEvent::PeerLeft(b), vec![a]);
    assert_eq!(registry.tick(TICK).0, [left]);
    let (late, _) = join(&mut registry, 9, resuming(key("r", 0), secret));
    assert_eq!(late, peer(9));
}

#[test]
fn waiting_client_leaves_at_once() {
    let mut registry = registry();
    let (a, secret) = join(&mut registry, 1, request(key("r", 2)));
    registry.lose(a);
    assert_eq!(registry.peers(), 0);
    let (b, _) = join(&mut registry, 2, resuming(key("r", 2), secret));
    assert_eq!(b, peer(2));
    // A full group that is not linked disbands.
    let (c, _) = join(&mut registry, 3, request(key("r", 2)));
    let left = Delivery::new(PeerEvent::PeerLeft(c), vec![b]);
    assert!(registry.lose(c).contains(&left));
}

#[test]
fn player_whose_loss_was_not_noticed_does_not_meet_itself() {
    let mut registry = registry();
    let (a, secret) = join(&mut registry, 1, request(key("r", 2)));
    let again = resuming(key("r", 2), secret);
    assert_eq!(registry.lost_player(&again), Some(a));
    assert_eq!(registry.lost_player(&resuming(key("r", 3), secret)), None);
    registry.leave(a);
    join(&mut registry, 2, again);
    assert_eq!(registry.peers(), 1);
}

#[test]
fn member_of_a_linked_group_keeps_its_place() {
    for returns_to_queue in [false, true] {
        let mut registry = registry();
        let (a, _) = join(&mut registry, 1, request(key("r", 2)));
        let (b, secret) = join(&mut registry, 2, request(key("r", 2)));
        registry.set_links(a, &[b]);
        let linked = registry.set_links(b, &[a]);
        let Some(Event::Extension(Extension::Group(Stage::Linked(group)))) =
            linked.into_iter().next().map(|delivery| delivery.event)
        else {
            panic!("the group is linked");
        };
        let doubtful = extension(Extension::Doubtful(b), &[a]);
        assert_eq!(registry.lose(b), [doubtful]);
        let back = if returns_to_queue {
            JoinRequest {
                group: Some(group),
                ..resuming(key("r", 2), secret)
            }
        } else {
            resuming(RoomKey::of_group(String::new(), group), secret)
        };
        let (id, deliveries) = registry.join(peer(9), back).unwrap();
        assert_eq!(id, b);
        let stage = extension(Extension::Group(Stage::Linked(group)), &[b]);
        assert_eq!(deliveries.contains(&stage), returns_to_queue);
    }
}

#[test]
fn newcomer_and_returning_member_learn_who_is_doubtful() {
    let mut registry = registry();
    let (a, a_secret) = join(&mut registry, 1, request(key("r", 0)));
    let (b, _) = join(&mut registry, 2, request(key("r", 0)));
    registry.lose(b);
    let (c, deliveries) = registry.join(peer(3), request(key("r", 0))).unwrap();
    assert!(deliveries.contains(&extension(Extension::Doubtful(b), &[c])));
    registry.lose(a);
    let (_, deliveries) = registry
        .join(peer(9), resuming(key("r", 0), a_secret))
        .unwrap();
    assert!(deliveries.contains(&extension(Extension::Doubtful(b), &[a])));
}

#[test]
fn token_for_one_client_is_taken_while_its_place_is_kept() {
    let mut registry = registry();
    let id = "one".to_owned();
    let with_token = |request: JoinRequest| JoinRequest {
        access: Access {
            token: Some(TokenId {
                app: String::new(),
                id: id.clone(),
            }),
            ..Access::default()
        },
        ..request
    };
    let (a, secret) = join(&mut registry, 1, with_token(request(key("r", 0))));
    registry.lose(a);
    let refused = registry.join(peer(2), with_token(request(key("r", 0))));
    assert_eq!(refused.unwrap_err(), JoinError::TokenInUse);
    let back = with_token(resuming(key("r", 0), secret));
    assert_eq!(join(&mut registry, 3, back).0, a);
    registry.leave(a);
    join(&mut registry, 4, with_token(request(key("r", 0))));
}

#[test]
fn expired_token_only_lets_a_client_resume() {
    let mut registry = registry();
    let expired = |request: JoinRequest| JoinRequest {
        access: Access {
            has_expired: true,
            ..Access::default()
        },
        ..request
    };
    let refused = registry.join(peer(1), expired(request(key("r", 0))));
    assert_eq!(refused.unwrap_err(), JoinError::TokenExpired);
    let (a, secret) = join(&mut registry, 1, request(key("r", 0)));
    registry.lose(a);
    let back = expired(resuming(key("r", 0), secret));
    assert_eq!(join(&mut registry, 2, back.clone()).0, a);
    registry.confirm_session(a);
    let refused = registry.join(peer(3), back);
    assert_eq!(refused.unwrap_err(), JoinError::TokenExpired);
}
