//! Runs scripts against the stock server in the same process.

use std::{net::Ipv4Addr, time::Duration};

use matchbox_signaling::SignalingServer;
use tokio::{runtime::Builder, task::LocalSet};

use crate::{
    connect::Route,
    signal::PER_PAIR,
    swarm::{Plan, Swarm},
    target::Target,
};

/// Runs a script with clients of the stock server.
fn run(plan: Plan, script: impl AsyncFnOnce(&Swarm)) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let mut server = SignalingServer::full_mesh_builder((Ipv4Addr::LOCALHOST, 0)).build();
        let addr = server.bind().unwrap();
        tokio::spawn(server.serve());
        let route = Route::new(Target { addr, tls: false }, None).unwrap();
        script(&Swarm::new(vec![route], plan)).await;
    });
}

#[test]
fn all_clients_join_and_leave() {
    run(Plan::rooms(10), async |swarm| {
        assert_eq!(swarm.fill().await.unwrap().lost, 0);
        assert_eq!(swarm.shared.joined.get(), 10);
        assert_eq!(swarm.shared.new_peers.get(), 13);
        swarm.leave_all().await.unwrap();
        assert_eq!(swarm.shared.ended.get(), 10);
    });
}

#[test]
fn replaced_clients_exchange_signals_with_their_peers() {
    run(Plan::rooms(256), async |swarm| {
        swarm.fill().await.unwrap();
        assert_eq!(swarm.shared.received.get(), 0);
        swarm.shared.negotiates.set(true);
        assert_eq!(swarm.replace(64).await.unwrap(), 0);
        swarm.leave_all().await.unwrap();
        assert_eq!(swarm.shared.joined.get(), 256 + 64);
        // Each has 3 peers.
        assert_eq!(swarm.shared.received.get(), 64 * 3 * PER_PAIR);
        let latencies = swarm.shared.take_latencies();
        assert_eq!(latencies.len() as u64, 64 * 3 * PER_PAIR);
        assert!(latencies.is_sorted());
    });
}

#[test]
fn all_signals_arrive() {
    run(Plan::rooms(8), async |swarm| {
        swarm.shared.negotiates.set(true);
        swarm.fill().await.unwrap();
        let negotiated = 12 * PER_PAIR;
        assert_eq!(swarm.shared.received.get(), negotiated);
        swarm.shared.negotiates.set(false);
        let sent = swarm.send_signals(1000.0, Duration::from_millis(300)).await;
        let sent = sent.unwrap();
        assert!(sent > 0);
        assert_eq!(swarm.shared.received.get(), negotiated + sent);
    });
}

#[test]
fn lost_connection_of_a_client_fails_the_script() {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        // A server that closes every connection.
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let closes = async { while listener.accept().await.is_ok() {} };
        let route = Route::new(Target { addr, tls: false }, None).unwrap();
        let swarm = Swarm::new(vec![route], Plan::rooms(1));
        tokio::select! {
            () = closes => {}
            result = swarm.fill() => {
                let error = result.unwrap_err().to_string();
                assert!(error.contains("a client cannot join"), "{error}");
            }
        }
    });
}
