use std::{collections::HashSet, net::Ipv4Addr};

use proptest::prelude::*;

use super::*;

const LIMITS: Limits = Limits {
    max_connections: 8,
    max_http_per_address: 3,
    max_clients_per_address: 4,
    joins_per_second: 2,
    join_burst: 3,
};

fn address(n: u32) -> Option<Address> {
    Some(Address::V4(Ipv4Addr::from_bits(n)))
}

/// Opens a connection, and returns it with the one that it replaces. The eviction of each
/// connection is its number in the order of opening.
fn open(admission: &mut Admission<u64>, from: Option<Address>, n: u64) -> (u64, Option<u64>) {
    admission.open(from, n, Instant::now()).unwrap()
}

#[test]
fn new_connection_replaces_the_oldest_one_of_its_address_that_waits() {
    let mut admission = Admission::new(LIMITS);
    open(&mut admission, address(9), 100);
    let (busy, _) = open(&mut admission, address(1), 0);
    admission.begin_request(busy, address(1), Instant::now());
    assert_eq!(open(&mut admission, address(1), 1).1, None);
    assert_eq!(open(&mut admission, address(1), 2).1, None);
    assert_eq!(open(&mut admission, address(1), 3).1, Some(1));
    assert_eq!(open(&mut admission, address(1), 4).1, Some(2));
    assert_eq!(admission.connections.len(), 4);
}

#[test]
fn replaced_connection_cannot_send_a_request() {
    let mut admission = Admission::new(LIMITS);
    let (replaced, _) = open(&mut admission, address(1), 0);
    for n in 1..4 {
        open(&mut admission, address(1), n);
    }
    assert_eq!(
        admission.begin_request(replaced, address(1), Instant::now()),
        None
    );
    assert_eq!(admission.addresses[&address(1).unwrap()].requests, 0);
}

#[test]
fn connection_waits_again_after_its_response() {
    let mut admission = Admission::new(LIMITS);
    let (first, _) = open(&mut admission, address(1), 0);
    admission.begin_request(first, address(1), Instant::now());
    for n in 1..3 {
        open(&mut admission, address(1), n);
    }
    admission.end_request(first, address(1));
    // It started to wait last.
    let evicted: Vec<_> = (3..6)
        .map(|n| open(&mut admission, address(1), n).1)
        .collect();
    assert_eq!(evicted, [Some(1), Some(2), Some(0)]);
}

#[test]
fn one_connection_over_the_limit_learns_why_it_is_refused() {
    let mut admission = Admission::new(LIMITS);
    let now = Instant::now();
    for n in 0..3 {
        let (id, _) = open(&mut admission, address(1), n);
        assert_eq!(admission.begin_request(id, address(1), now), Some(true));
    }
    let (over, evicted) = open(&mut admission, address(1), 3);
    assert_eq!(evicted, None);
    assert_eq!(open(&mut admission, address(1), 4).1, Some(3));
    admission.close(over);
    let (over, _) = open(&mut admission, address(1), 5);
    assert_eq!(admission.begin_request(over, address(1), now), Some(false));
    assert_eq!(admission.open(address(1), 6, now), Err(Busy));
    assert!(admission.open(address(2), 7, now).is_ok());
}

#[test]
fn connections_of_a_proxy_have_only_the_limit_of_the_server() {
    let mut admission = Admission::new(LIMITS);
    for n in 0..8 {
        assert_eq!(open(&mut admission, None, n).1, None);
    }
    assert_eq!(open(&mut admission, None, 8).1, Some(0));
    assert_eq!(open(&mut admission, address(1), 9).1, Some(1));
}

#[test]
fn requests_through_a_proxy_count_for_their_client() {
    let mut admission = Admission::new(LIMITS);
    let now = Instant::now();
    let ids: Vec<_> = (0..5).map(|n| open(&mut admission, None, n).0).collect();
    for id in &ids[..3] {
        assert_eq!(admission.begin_request(*id, address(1), now), Some(true));
    }
    assert_eq!(
        admission.begin_request(ids[3], address(1), now),
        Some(false)
    );
    assert_eq!(admission.begin_request(ids[4], address(2), now), Some(true));
    admission.end_request(ids[3], address(1));
    admission.end_request(ids[0], address(1));
    assert_eq!(admission.begin_request(ids[0], address(1), now), Some(true));
}

#[test]
fn oldest_request_makes_room_if_no_connection_waits() {
    let mut admission = Admission::new(LIMITS);
    let now = Instant::now();
    let mut last = 0;
    for n in 0..8 {
        last = open(&mut admission, address(n), n.into()).0;
        admission.begin_request(last, address(n), now);
    }
    assert_eq!(open(&mut admission, address(100), 8).1, Some(0));
    admission.end_request(last, address(7));
    assert_eq!(open(&mut admission, address(100), 9).1, Some(8));
    assert_eq!(open(&mut admission, address(100), 10).1, Some(7));
}

#[test]
fn clients_of_an_address_are_limited() {
    let limits = Limits {
        join_burst: 100,
        ..LIMITS
    };
    let mut admission = Admission::<()>::new(limits);
    let now = Instant::now();
    for _ in 0..4 {
        assert_eq!(admission.join(address(1), now), Ok(()));
    }
    assert_eq!(admission.join(address(1), now), Err(Denied::TooManyClients));
    assert_eq!(admission.join(address(2), now), Ok(()));
    admission.leave(address(1));
    assert_eq!(admission.join(address(1), now), Ok(()));
    assert_eq!(admission.join(address(1), now), Err(Denied::TooManyClients));
}

#[test]
fn joins_of_an_address_have_a_burst_and_a_rate() {
    let mut admission = Admission::<()>::new(LIMITS);
    let start = Instant::now();
    let join_and_leave = |admission: &mut Admission<()>, after: u64| {
        let joined = admission.join(address(1), start + Duration::from_millis(after));
        if joined.is_ok() {
            admission.leave(address(1));
        }
        joined
    };
    for _ in 0..3 {
        assert_eq!(join_and_leave(&mut admission, 0), Ok(()));
    }
    let wait = Duration::from_millis(500);
    let denied = Err(Denied::TooManyJoins { wait });
    assert_eq!(join_and_leave(&mut admission, 0), denied);
    assert_eq!(admission.join(address(2), start), Ok(()));
    assert_eq!(join_and_leave(&mut admission, 500), Ok(()));
    assert_eq!(join_and_leave(&mut admission, 500), denied);
}

#[test]
fn programs_on_the_own_machine_are_not_limited() {
    let mut admission = Admission::<()>::new(LIMITS);
    for _ in 0..1000 {
        assert_eq!(admission.join(None, Instant::now()), Ok(()));
    }
}

#[test]
fn idle_addresses_are_forgotten() {
    let mut admission = Admission::new(LIMITS);
    let mut now = Instant::now();
    let kept = admission.open(address(u32::MAX), 0, now).unwrap().0;
    assert_eq!(admission.join(address(u32::MAX - 1), now), Ok(()));
    for n in 0..100_000 {
        now += Duration::from_millis(1);
        let (id, _) = admission.open(address(n), 0, now).unwrap();
        admission.begin_request(id, address(n), now);
        admission.join(address(n), now).unwrap();
        admission.end_request(id, address(n));
        admission.close(id);
        admission.leave(address(n));
        // A bucket is full 500 ms after a join, so about 500 addresses are not idle.
        assert!(admission.addresses.len() <= MIN_SWEEP + 500);
    }
    admission.sweep(now + Duration::from_secs(60));
    assert_eq!(admission.addresses.len(), 2);
    admission.close(kept);
    admission.leave(address(u32::MAX - 1));
    admission.sweep(now + Duration::from_secs(60));
    assert!(admission.addresses.is_empty());
    assert!(admission.connections.is_empty() && admission.waiting.is_empty());
}

#[derive(Debug, Clone)]
enum Step {
    Open(u8),
    Begin(usize, u8),
    End(usize),
    Close(usize),
    Join(u8),
    Leave(usize),
    Sleep(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..5_u8).prop_map(Step::Open),
        4 => (any::<usize>(), 0..5_u8).prop_map(|(id, address)| Step::Begin(id, address)),
        2 => any::<usize>().prop_map(Step::End),
        2 => any::<usize>().prop_map(Step::Close),
        4 => (0..5_u8).prop_map(Step::Join),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => (0..2000_u64).prop_map(Step::Sleep),
    ]
}

/// Address 0 belongs to programs on the server's own machine.
fn numbered(n: u8) -> Option<Address> {
    address(n.into()).filter(|_| n > 0)
}

proptest! {
    /// Compares with a model that knows every open connection, request and client.
    #[test]
    fn limits_hold_and_nothing_leaks(steps in prop::collection::vec(step(), 0..200)) {
        let mut admission = Admission::new(LIMITS);
        let mut now = Instant::now();
        let (mut open, mut requests, mut clients) = (Vec::new(), Vec::new(), Vec::new());
        for (n, step) in (0_u64..).zip(steps) {
            match step {
                Step::Open(address) => {
                    if let Ok((id, evicted)) = admission.open(numbered(address), n, now) {
                        if let Some(evicted) = evicted {
                            let busy: HashSet<_> = requests.iter().map(|(id, _)| *id).collect();
                            let are_all_busy = open.iter().all(|(id, _, _)| busy.contains(id));
                            let position = open.iter().position(|(_, _, key)| *key == evicted);
                            let (id, _, _) = open.remove(position.unwrap());
                            let is_needless = busy.contains(&id) && !are_all_busy;
                            prop_assert!(!is_needless, "a request was interrupted");
                        }
                        open.push((id, address, n));
                    }
                }
                Step::Begin(index, behind_proxy) => {
                    let idle: Vec<_> = open
                        .iter()
                        .filter(|(id, _, _)| !requests.iter().any(|(busy, _)| busy == id))
                        .collect();
                    if !idle.is_empty() {
                        let (id, address, _) = *idle[index % idle.len()];
                        let client = if address == 0 { behind_proxy } else { address };
                        admission.begin_request(id, numbered(client), now);
                        requests.push((id, client));
                    }
                }
                Step::End(index) if !requests.is_empty() => {
                    let (id, address) = requests.swap_remove(index % requests.len());
                    admission.end_request(id, numbered(address));
                }
                Step::Close(index) if !open.is_empty() => {
                    let (id, _, _) = open.swap_remove(index % open.len());
                    admission.close(id);
                }
                Step::Join(address) => {
                    if admission.join(numbered(address), now).is_ok() {
                        clients.push(address);
                    }
                }
                Step::Leave(index) if !clients.is_empty() => {
                    admission.leave(numbered(clients.swap_remove(index % clients.len())));
                }
                Step::Sleep(ms) => now += Duration::from_millis(ms),
                Step::End(_) | Step::Close(_) | Step::Leave(_) => {}
            }
            prop_assert_eq!(admission.connections.len(), open.len());
            prop_assert!(open.len() <= LIMITS.max_connections);
            for address in 1..5 {
                let count = |list: &[(u64, u8, u64)]| list.iter().filter(|(_, a, _)| *a == address).count();
                prop_assert!(count(&open) <= LIMITS.max_http_per_address + 1);
                let joined = clients.iter().filter(|client| **client == address).count();
                prop_assert!(joined <= LIMITS.max_clients_per_address);
            }
        }
        for (id, _, _) in open {
            admission.close(id);
        }
        for (id, address) in requests {
            admission.end_request(id, numbered(address));
        }
        for address in clients {
            admission.leave(numbered(address));
        }
        admission.sweep(now + Duration::from_secs(60));
        prop_assert!(admission.addresses.is_empty());
        prop_assert!(admission.connections.is_empty() && admission.waiting.is_empty());
    }
}
