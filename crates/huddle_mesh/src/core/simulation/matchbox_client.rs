//! Stock clients, which answer no pings.

use super::{hostile::offer_from, *};

/// Creates a peer that is linked with a stock client.
fn with_stock_client() -> (Simulation, SignalingId, LinkId) {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(2));
    let stock = SignalingId::from_u128(5);
    let link = answer(&mut simulation, stock);
    open(&mut simulation, link);
    (simulation, stock, link)
}

/// Answers an offer of the stock client.
fn answer(simulation: &mut Simulation, stock: SignalingId) -> LinkId {
    let core = &mut simulation.nodes[0].core;
    core.handle(simulation.now, offer_from(stock, None));
    let actions = std::iter::from_fn(|| core.next_action());
    let mut links = actions.filter_map(|action| match action {
        Action::OpenLink { link, .. } => Some(link),
        _ => None,
    });
    links.next().unwrap()
}

fn open(simulation: &mut Simulation, link: LinkId) {
    let core = &mut simulation.nodes[0].core;
    core.handle(simulation.now, Input::Link(link, LinkInput::Opened));
    simulation.act(0);
}

#[test]
fn stock_client_may_be_silent_while_the_server_lists_it() {
    let (mut simulation, stock, _) = with_stock_client();
    simulation.run(seconds(60));
    assert!(
        simulation.nodes[0]
            .events
            .iter()
            .all(|(_, event)| !matches!(
                event,
                CoreEvent::Reconnecting(_) | CoreEvent::Left { .. }
            ))
    );
    assert!(
        simulation.nodes[0]
            .core
            .active_link(stock.peer_id())
            .is_some()
    );
}

#[test]
fn stock_client_that_the_server_no_longer_lists_is_lost_when_silent() {
    let (mut simulation, stock, link) = with_stock_client();
    simulation.send_event(0, PeerEvent::PeerLeft(stock.into()));
    // The client has lost only its connection to the server.
    for _ in 0..10 {
        simulation.run(seconds(1));
        let message = LinkInput::Message(Channel::State, Bytes::from_static(b"here"));
        simulation.nodes[0]
            .core
            .handle(simulation.now, Input::Link(link, message));
        simulation.act(0);
    }
    assert!(
        simulation.nodes[0]
            .core
            .active_link(stock.peer_id())
            .is_some()
    );

    simulation.run(seconds(4));
    let events = &simulation.nodes[0].events;
    let verdicts: Vec<_> = events
        .iter()
        .filter(|(_, event)| {
            matches!(
                event,
                CoreEvent::Reconnecting(_) | CoreEvent::Reconnected(_) | CoreEvent::Left { .. }
            )
        })
        .map(|(_, event)| event.clone())
        .collect();
    let reason = DisconnectReason::Lost;
    assert_eq!(
        verdicts,
        [CoreEvent::Left {
            peer: stock.peer_id(),
            reason
        }]
    );
}

#[test]
fn link_failure_of_stock_client_is_resolved_when_its_link_opens() {
    let mut simulation = Simulation::new(1);
    simulation.run(seconds(2));
    let stock = SignalingId::from_u128(5);
    let link = answer(&mut simulation, stock);
    simulation.run(seconds(12));
    assert_eq!(simulation.link_failures(0).len(), 1);
    let over = CoreEvent::LinkFailureResolved(stock.peer_id());
    assert!(
        simulation.nodes[0]
            .events
            .iter()
            .all(|(_, event)| *event != over)
    );

    // Unlike other peers, it does not confirm the link with a message.
    open(&mut simulation, link);
    let events = &simulation.nodes[0].events;
    assert_eq!(events.iter().filter(|(_, event)| *event == over).count(), 1);
}
