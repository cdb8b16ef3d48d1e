use std::time::Duration;

use super::{
    client::{SignalingClient, SocketAction},
    end::SocketEnd,
    waits::{
        CONNECT_TIMEOUTS, FIRST_WAIT, LONGEST_WAIT, SHORTEST_SPREAD, SILENT_AFTER,
        SILENT_WHEN_CALM, SPREAD,
    },
};
use crate::{
    config::RoomConfig,
    core::Entropy,
    event::{RoomError, Signaling, SignalingLoss},
    token::Token,
};

const STEP: Duration = Duration::from_millis(50);

fn client() -> (SignalingClient, Entropy) {
    let config = RoomConfig::new("ws://localhost:3536/room").unwrap();
    (SignalingClient::new(&config), Entropy::seeded(1))
}

#[test]
fn waits_grow_up_to_four_seconds() {
    let (mut client, mut entropy) = client();
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for attempt in 1..12 {
        let (action, _) = client.tick(now, STEP, &mut entropy);
        assert!(matches!(action, Some(SocketAction::Connect { .. })));
        let end = SocketEnd::Unreachable("refused".into());
        let Ok(Some(Signaling::Retrying {
            retry_in,
            attempt: reported,
            ..
        })) = client.ended(now, end, &mut entropy)
        else {
            panic!("the client must retry");
        };
        assert_eq!(reported, attempt);
        waits.push(retry_in);
        now += retry_in;
    }
    assert!(waits[0] <= FIRST_WAIT && waits[0] >= FIRST_WAIT / 2);
    assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
    assert!(waits[10] >= LONGEST_WAIT / 2);
}

#[test]
fn refusals_are_final_and_contain_the_reason() {
    for (end, expected) in [
        (
            SocketEnd::Closed(Some(4404), String::new()),
            RoomError::NotFound("code 4404".into()),
        ),
        (
            SocketEnd::Closed(Some(4400), "next=0".into()),
            RoomError::Refused("next=0".into()),
        ),
        (
            SocketEnd::Blocked("insecure".into()),
            RoomError::BlockedByBrowser {
                url: "ws://localhost:3536/room".into(),
                reason: "insecure".into(),
            },
        ),
    ] {
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        assert_eq!(
            client.ended(Duration::ZERO, end, &mut entropy),
            Err(expected)
        );
        let (action, signaling) = client.tick(Duration::from_secs(60), STEP, &mut entropy);
        assert_eq!((action, signaling), (None, None));
    }
}

#[test]
fn dead_connection_is_detected_if_the_server_echoes() {
    for (echoes, expected) in [(true, true), (false, false)] {
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        client.opened(Duration::ZERO);
        client.message_received(echoes);
        let silent = (0..400).any(|i| {
            let (_, signaling) = client.tick(STEP * i, STEP, &mut entropy);
            matches!(
                signaling,
                Some(Signaling::Retrying {
                    reason: SignalingLoss::Silent(_),
                    ..
                })
            )
        });
        assert_eq!(silent, expected);
    }
}

#[test]
fn server_that_assigns_no_id_is_distinguished_from_an_unreachable_one() {
    for answers in [false, true] {
        let (mut client, mut entropy) = client();
        client.tick(Duration::ZERO, STEP, &mut entropy);
        if answers {
            client.answered();
        }
        let (_, signaling) = client.tick(CONNECT_TIMEOUTS[0], STEP, &mut entropy);
        let Some(Signaling::Retrying { reason, .. }) = signaling else {
            panic!("the client must retry");
        };
        let not_signaling = matches!(reason, SignalingLoss::NotSignaling(_));
        assert_eq!(not_signaling, answers, "{reason}");
    }
}

#[test]
fn connection_that_dies_soon_after_opening_is_detected() {
    let (mut client, mut entropy) = client();
    client.tick(Duration::ZERO, STEP, &mut entropy);
    client.opened(Duration::ZERO);
    // The server answers the keep-alive of the first step, and nothing after that.
    let (action, _) = client.tick(STEP, STEP, &mut entropy);
    client.message_received(action == Some(SocketAction::KeepAlive));
    let noticed = (2..).map(|i| STEP * i).find(|now| {
        let (_, signaling) = client.tick(*now, STEP, &mut entropy);
        signaling.is_some() || *now > SILENT_AFTER * 2
    });
    assert!(noticed <= Some(SILENT_AFTER + 2 * STEP), "{noticed:?}");
}

#[test]
fn connection_that_never_opens_is_closed_and_retried() {
    let (mut client, mut entropy) = client();
    client.tick(Duration::ZERO, STEP, &mut entropy);
    let (action, signaling) = client.tick(CONNECT_TIMEOUTS[0], STEP, &mut entropy);
    assert_eq!(action, Some(SocketAction::Close));
    assert!(matches!(signaling, Some(Signaling::Retrying { .. })));
    let (action, _) = client.tick(CONNECT_TIMEOUTS[0] + LONGEST_WAIT, STEP, &mut entropy);
    assert!(matches!(action, Some(SocketAction::Connect { .. })));
}
#[test]
fn later_attempts_wait_for_a_server_that_is_far_away() {
    const TWO_ROUND_TRIPS: Duration = Duration::from_secs(12);
    let (mut client, mut entropy) = client();
    client.tick(Duration::ZERO, STEP, &mut entropy);
    let (_, signaling) = client.tick(TWO_ROUND_TRIPS, STEP, &mut entropy);
    assert!(matches!(signaling, Some(Signaling::Retrying { .. })));
    let again = TWO_ROUND_TRIPS + LONGEST_WAIT;
    let (action, _) = client.tick(again, STEP, &mut entropy);
    assert!(matches!(action, Some(SocketAction::Connect { .. })));
    let waiting = client.tick(again + TWO_ROUND_TRIPS, STEP, &mut entropy);
    assert_eq!(waiting, (None, None));
}

/// Returns a client whose connection has been open for a while, and whose links work.
fn calm_client(seed: u64, now: Duration) -> (SignalingClient, Entropy) {
    let (mut client, _) = client();
    let mut entropy = Entropy::seeded(seed);
    client.tick(Duration::ZERO, STEP, &mut entropy);
    client.opened(Duration::ZERO);
    client.set_calm(now, true, &mut entropy);
    client.message_received(true);
    client.tick(now, STEP, &mut entropy);
    (client, entropy)
}

#[test]
fn restarted_server_gets_all_calm_clients_back_within_35_s_and_never_many_at_once() {
    const CLIENTS: u64 = 4000;
    const LIMIT: Duration = Duration::from_secs(35);
    for outage in [0, 3, 60].map(Duration::from_secs) {
        let start = Duration::from_secs(60);
        let back = start + outage;
        let mut clients: Vec<_> = (0..CLIENTS).map(|n| calm_client(n, start)).collect();
        for (client, entropy) in &mut clients {
            let end = SocketEnd::Closed(Some(1012), String::new());
            assert!(matches!(client.ended(start, end, entropy), Ok(Some(_))));
        }
        let steps = (outage + LIMIT).as_millis() / STEP.as_millis();
        let mut attempts = Vec::new();
        for now in (1..=steps as u32).map(|n| start + STEP * n) {
            let mut count = 0;
            for (client, entropy) in &mut clients {
                if let (Some(SocketAction::Connect { .. }), _) = client.tick(now, STEP, entropy) {
                    count += 1;
                    if now > back {
                        client.opened(now);
                    } else {
                        let end = SocketEnd::Unreachable("refused".into());
                        assert!(client.ended(now, end, entropy).is_ok());
                    }
                }
            }
            attempts.push(count);
        }
        assert!(clients.iter().all(|(client, _)| client.is_open()));
        let per_second = attempts
            .windows(20)
            .map(|second| second.iter().sum::<u64>());
        let peak = per_second.max().unwrap();
        assert!(peak < CLIENTS / SPREAD.as_secs() * 2, "{outage:?}: {peak}");
    }
}

/// Returns the times until `clients` calm clients connect again after a loss.
fn returns(clients: u64, spread: impl Fn(u64) -> Option<Duration>) -> Vec<Duration> {
    let start = Duration::from_secs(60);
    let returns = (0..clients).map(|n| {
        let (mut client, mut entropy) = calm_client(n, start);
        if let Some(spread) = spread(n) {
            client.set_spread(spread);
        }
        let end = SocketEnd::Closed(None, String::new());
        assert!(matches!(
            client.ended(start, end, &mut entropy),
            Ok(Some(_))
        ));
        let connects = |now: &Duration| {
            let (action, _) = client.tick(start + *now, STEP, &mut entropy);
            matches!(action, Some(SocketAction::Connect { .. }))
        };
        let mut times = (0..).map(|n| STEP * n);
        times.find(connects).unwrap_or_default()
    });
    returns.collect()
}

#[test]
fn server_with_few_clients_gets_them_back_sooner() {
    let longest = |spread| {
        let returns = returns(500, |_| spread);
        returns.into_iter().max().unwrap_or_default()
    };
    assert!(longest(None) > Duration::from_secs(28));
    let four = Duration::from_secs(4);
    assert!((Duration::from_millis(3500)..=four + STEP).contains(&longest(Some(four))));
    // A hostile server can neither make its clients wait forever, nor call them all at once.
    assert!(longest(Some(Duration::MAX)) <= SPREAD + STEP);
    assert!(longest(Some(Duration::ZERO)) > SHORTEST_SPREAD - STEP * 4);
}

/// Clients that joined early have the short spread of a server with few clients. Therefore the peak
/// is about four times the average, which still is a small part of what a server can accept.
#[test]
fn growing_server_never_gets_many_clients_back_at_once() {
    let announced = |n: u64| {
        let spread = Duration::from_micros(7500) * n as u32;
        Some(spread.clamp(Duration::from_secs(4), SPREAD))
    };
    let returns = returns(4000, announced);
    let mut seconds = [0; 31];
    for time in returns {
        seconds[time.as_secs() as usize] += 1;
    }
    assert!(seconds.iter().all(|&clients| clients < 600), "{seconds:?}");
}

#[test]
fn client_whose_links_fail_reconnects_soon() {
    let start = Duration::from_secs(60);
    for fails_first in [true, false] {
        let (mut client, mut entropy) = calm_client(7, start);
        let end = SocketEnd::Closed(None, "reset".into());
        if fails_first {
            client.set_calm(start, false, &mut entropy);
        }
        client.ended(start, end, &mut entropy).unwrap();
        client.set_calm(start, false, &mut entropy);
        let (action, _) = client.tick(start + FIRST_WAIT, STEP, &mut entropy);
        assert!(matches!(action, Some(SocketAction::Connect { .. })));
    }
}

/// Returns how long a connection whose server never answers again stays open, and the number of
/// keep-alives that the client sends.
fn silent_server(mut client: SignalingClient, mut entropy: Entropy) -> (Duration, usize) {
    let mut keep_alives = 0;
    for now in (1..).map(|n| STEP * n) {
        let (action, signaling) = client.tick(now, STEP, &mut entropy);
        keep_alives += usize::from(action == Some(SocketAction::KeepAlive));
        if signaling.is_some() {
            return (now, keep_alives);
        }
    }
    unreachable!()
}

#[test]
fn calm_client_tolerates_a_longer_silence_and_sends_fewer_keep_alives() {
    let (client, entropy) = calm_client(7, Duration::ZERO);
    assert_eq!(silent_server(client, entropy), (SILENT_WHEN_CALM - STEP, 2));
    let (mut client, mut entropy) = calm_client(7, Duration::ZERO);
    client.set_calm(Duration::ZERO, false, &mut entropy);
    assert_eq!(silent_server(client, entropy), (SILENT_AFTER - STEP, 2));
}

#[test]
fn server_can_answer_a_keep_alive_before_an_old_silence_counts() {
    let (mut client, mut entropy) = calm_client(7, Duration::ZERO);
    let urgent = Duration::from_secs(14);
    for now in (1..).map(|n| STEP * n).take_while(|now| *now < urgent) {
        assert_eq!(client.tick(now, STEP, &mut entropy), (None, None));
    }
    client.set_calm(urgent, false, &mut entropy);
    let (action, signaling) = client.tick(urgent, STEP, &mut entropy);
    assert_eq!((action, signaling), (Some(SocketAction::KeepAlive), None));
}

fn token_needed() -> SocketEnd {
    SocketEnd::Closed(Some(4401), "this token has expired".into())
}

/// Returns a client whose token was rejected at the given time.
fn rejected(now: Duration, was_open: bool) -> (SignalingClient, Entropy) {
    let (mut client, mut entropy) = client();
    client.tick(now, STEP, &mut entropy);
    if was_open {
        client.opened(now);
    }
    let reason = "this token has expired".to_owned();
    let expected = Ok(Some(Signaling::TokenNeeded { reason }));
    assert_eq!(client.ended(now, token_needed(), &mut entropy), expected);
    (client, entropy)
}

#[test]
fn client_waits_for_a_token_and_then_connects_immediately() {
    for was_open in [true, false] {
        let (mut client, mut entropy) = rejected(Duration::ZERO, was_open);
        let later = Duration::from_secs(600);
        client.network_changed(later);
        client.set_calm(later, true, &mut entropy);
        client.set_calm(later, false, &mut entropy);
        client.suspend();
        client.resume(later);
        assert_eq!(client.tick(later, STEP, &mut entropy), (None, None));
        client.set_token(later, Token::new("fresh"));
        let (action, signaling) = client.tick(later, STEP, &mut entropy);
        assert_eq!(signaling, (!was_open).then_some(Signaling::Connecting));
        let Some(SocketAction::Connect { url, .. }) = action else {
            panic!("{action:?}");
        };
        assert!(url.ends_with("&token=fresh"), "{url}");
    }
}

#[test]
fn server_that_rejects_every_token_gets_few_attempts() {
    let (mut client, mut entropy) = rejected(Duration::ZERO, false);
    let mut attempts = 0;
    for now in (1..1200).map(|n| STEP * n) {
        let (action, _) = client.tick(now, STEP, &mut entropy);
        if action.is_some() {
            attempts += 1;
            client.ended(now, token_needed(), &mut entropy).unwrap();
            client.set_token(now, Token::new(now.as_millis().to_string()));
        } else if attempts == 0 {
            client.set_token(now, Token::new("first"));
        }
    }
    assert!((10..25).contains(&attempts), "{attempts}");
}

#[test]
fn token_set_before_the_server_rejects_the_previous_one_is_used_without_asking() {
    let (mut client, mut entropy) = client();
    client.tick(Duration::ZERO, STEP, &mut entropy);
    client.opened(Duration::ZERO);
    client.set_token(Duration::ZERO, Token::new("fresh"));
    let ended = client.ended(Duration::ZERO, token_needed(), &mut entropy);
    assert!(matches!(ended, Ok(Some(Signaling::Retrying { .. }))));
    let (action, _) = client.tick(FIRST_WAIT, STEP, &mut entropy);
    assert!(matches!(action, Some(SocketAction::Connect { .. })));
    let ended = client.ended(FIRST_WAIT, token_needed(), &mut entropy);
    assert!(matches!(ended, Ok(Some(Signaling::TokenNeeded { .. }))));
}

#[test]
fn player_who_was_admitted_once_is_not_refused_for_good() {
    let (mut client, mut entropy) = client();
    client.tick(Duration::ZERO, STEP, &mut entropy);
    client.opened(Duration::ZERO);
    let end = SocketEnd::Closed(Some(4403), String::new());
    let ended = client.ended(Duration::ZERO, end, &mut entropy);
    assert!(matches!(ended, Ok(Some(Signaling::Retrying { .. }))));
}

#[test]
fn peer_that_is_connected_ends_the_wait_unless_the_server_restarts() {
    let start = Duration::from_secs(60);
    for (code, ends) in [(None, true), (Some(1012), false)] {
        let (mut client, mut entropy) = calm_client(7, start);
        let end = SocketEnd::Closed(code, String::new());
        client.ended(start, end, &mut entropy).unwrap();
        client.server_is_up(start, &mut entropy);
        let (action, _) = client.tick(start + FIRST_WAIT, STEP, &mut entropy);
        assert_eq!(action.is_some(), ends, "{code:?}");
    }
}
