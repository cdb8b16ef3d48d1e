use super::*;

#[test]
fn id_of_a_linked_peer_looks_like_the_end_of_candidates() {
    let id = PeerId::from_u128(0x1234);
    let to = SignalingId::from_u128(1);
    let text = request(to, &Signal::Linked(id));
    let expected = r#"{"Signal":{"receiver":"00000000-0000-0000-0000-000000000001","data":{"IceCandidate":"{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"00000000000000000000000000001234\"}"}}}"#;
    assert_eq!(text, expected);
    let relayed = text.replace("receiver", "sender").parse::<ServerMessage>();
    let signal = Ok(Signal::Linked(id));
    assert_eq!(relayed.unwrap(), ServerMessage::Signal(to, signal));
    for ufrag in [
        "abcd",
        "0000000000000000000000000000123",
        "+0000000000000000000000000001234",
        "",
    ] {
        assert_eq!(read_linked(ufrag), None, "{ufrag}");
    }
}

#[test]
fn candidate_has_format_of_matchbox_clients() {
    let candidate: Candidate = "candidate:1 1 udp 5 10.0.0.1 9 typ host".parse().unwrap();
    let signal = Signal::Candidate {
        candidate,
        ufrag: Some("abcd".into()),
    };
    let to = SignalingId::from_u128(1);
    let text = request(to, &signal);
    assert!(
        text.starts_with(r#"{"Signal":{"receiver":"00000000"#),
        "{text}"
    );
    assert!(text.contains(r#"\"sdpMLineIndex\":0"#), "{text}");

    let relayed = text.replace("receiver", "sender");
    assert_eq!(
        relayed.parse::<ServerMessage>().unwrap(),
        ServerMessage::Signal(to, Ok(signal))
    );
}

#[test]
fn end_of_candidates_needs_no_action() {
    let id = Uuid::from_u128(1);
    for data in [
        "null",
        r#"{\"candidate\":\"\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}"#,
    ] {
        let text =
            format!(r#"{{"Signal":{{"sender":"{id}","data":{{"IceCandidate":"{data}"}}}}}}"#);
        assert_eq!(
            text.parse::<ServerMessage>().unwrap(),
            ServerMessage::Nothing(SignalingId::from_bytes(id.into_bytes()))
        );
    }
}

#[test]
fn malformed_signal_counts_against_member_not_server() {
    let id = Uuid::from_u128(1);
    for (data, violation) in [
        ("7", ProtocolViolation::Signal),
        (r#"{"Evil":[]}"#, ProtocolViolation::Signal),
        (
            r#"{"Offer":"v=0"}"#,
            ProtocolViolation::Description(SdpError::Malformed("m")),
        ),
        (
            r#"{"IceCandidate":"{}"}"#,
            ProtocolViolation::Candidate(SdpError::Malformed("candidate")),
        ),
    ] {
        let text = format!(r#"{{"Signal":{{"sender":"{id}","data":{data}}}}}"#);
        assert_eq!(
            text.parse::<ServerMessage>().unwrap(),
            ServerMessage::Signal(SignalingId::from_bytes(id.into_bytes()), Err(violation))
        );
    }
}

#[test]
fn candidate_of_unsupported_kind_is_no_violation() {
    let id = Uuid::from_u128(1);
    for candidate in [
        "candidate:1 1 ssltcp 5 10.0.0.1 443 typ host",
        "candidate:1 1 udp 5 :: 9 typ host",
        "candidate:1 1 udp 5 fe80::1%eth0 9 typ host",
    ] {
        let text = format!(
            r#"{{"Signal":{{"sender":"{id}","data":{{"IceCandidate":"{{\"candidate\":\"{candidate}\"}}"}}}}}}"#
        );
        assert_eq!(
            text.parse::<ServerMessage>().unwrap(),
            ServerMessage::Nothing(SignalingId::from_bytes(id.into_bytes())),
            "{candidate}"
        );
    }
}

#[test]
fn group_message_is_parsed_with_id_in_plain_hex() {
    let id = Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
    let hex = "0123456789abcdef0123456789abcdef";
    for (text, stage) in [
        (r#"{"Group":"Waiting"}"#.to_owned(), Stage::Waiting),
        (
            format!(r#"{{"Group":{{"Full":"{hex}"}}}}"#),
            Stage::Full(id),
        ),
        (
            format!(r#"{{"Group":{{"Linked":"{hex}"}}}}"#),
            Stage::Linked(id),
        ),
    ] {
        let message = text.parse::<ServerMessage>().unwrap();
        assert_eq!(message, ServerMessage::Group(stage));
    }
}

#[test]
fn member_list_is_parsed() {
    let id = SignalingId::from_u128(1);
    let text = format!(r#"{{"Members":["{id}"]}}"#);
    let message = text.parse::<ServerMessage>().unwrap();
    assert_eq!(message, ServerMessage::Members(vec![id]));
}

#[test]
fn session_messages_are_parsed_and_the_secret_is_hidden() {
    let id = SignalingId::from_u128(1);
    let hex = "0123456789abcdef0123456789abcdef";
    for (members, list) in [
        (None, String::new()),
        (Some(vec![id]), format!(r#","members":["{id}"]"#)),
    ] {
        let text = format!(r#"{{"Session":{{"resume":"{hex}","timeout_ms":10000{list}}}}}"#);
        let message = text.parse::<ServerMessage>().unwrap();
        assert!(!format!("{message:?}").contains("0123"), "{message:?}");
        let ServerMessage::Session(session) = message else {
            panic!("{message:?}");
        };
        assert_eq!(
            (session.resume.expose(), session.members),
            (hex.into(), members)
        );
        assert_eq!(session.spread_ms, None);
    }
    let text = format!(r#"{{"Session":{{"resume":"{hex}","timeout_ms":1,"spread_ms":4000}}}}"#);
    assert!(matches!(
        text.parse(),
        Ok(ServerMessage::Session(Session {
            spread_ms: Some(4000),
            ..
        }))
    ));
    for (text, expected) in [
        (
            format!(r#"{{"Doubtful":"{id}"}}"#),
            ServerMessage::Doubtful(id),
        ),
        (
            format!(r#"{{"Resumed":"{id}"}}"#),
            ServerMessage::Resumed(id),
        ),
    ] {
        assert_eq!(text.parse::<ServerMessage>().unwrap(), expected);
    }
    for secret in ["", "../../", &"0".repeat(31), &"0".repeat(33)] {
        let text = format!(r#"{{"Session":{{"resume":"{secret}","timeout_ms":1}}}}"#);
        assert!(text.parse::<ServerMessage>().is_err(), "{secret}");
    }
}

#[test]
fn malformed_server_message_is_an_error() {
    assert!("".parse::<ServerMessage>().is_err());
    assert!("{}".parse::<ServerMessage>().is_err());
    assert!(r#"{"IdAssigned":"nonsense"}"#.parse::<ServerMessage>().is_err());
}

#[test]
fn settings_of_the_room_are_parsed() {
    let keeper = SignalingId::from_u128(1);
    let text = format!(
        r#"{{"Room":{{"keeper":"{keeper}","open":true,"listed":false,"capacity":64,"metadata":""}}}}"#
    );
    let Ok(ServerMessage::Room(settings)) = text.parse::<ServerMessage>() else {
        panic!("{text} is a message");
    };
    let settings = settings.seen_by(Some(keeper));
    assert!(settings.is_keeper && settings.is_open && !settings.is_listed);
    assert!(r#"{"Room":{}}"#.parse::<ServerMessage>().is_err());
}
