use std::time::Duration;

use super::{
    client::{SignalingClient, SocketAction},
    end::SocketEnd,
    waits::{CONNECT_TIMEOUTS, FIRST_WAIT, LONGEST_WAIT, SILENT_AFTER},
};
use crate::{
    core::Entropy,
    event::{RoomError, Signaling, SignalingLoss},
};

const STEP: Duration = Duration::from_millis(50);

fn client() -> (SignalingClient, Entropy) {
    let url = "ws://localhost:3536/room".parse().unwrap();
    (SignalingClient::new(url), Entropy::seeded(1))
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
