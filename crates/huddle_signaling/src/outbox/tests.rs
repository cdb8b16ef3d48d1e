use proptest::prelude::*;

use super::*;

fn config(max_clients: usize) -> Config {
    Config {
        max_clients,
        max_message_bytes: 1024,
        max_queue_bytes: 8 * 1024,
        max_total_queue_bytes: 16 * 1024,
        ..Config::default()
    }
}

fn text(bytes: usize) -> Message {
    Message::text("x".repeat(bytes))
}

fn total(budget: &Budget) -> usize {
    budget.total.load(Ordering::Relaxed)
}

#[test]
fn queue_has_a_limit_of_its_own() {
    let budget = Budget::new(&config(2));
    let (outbox, mut queue) = Outbox::new(&budget);
    for _ in 0..7 {
        assert_eq!(outbox.push(text(1024)), Ok(()));
    }
    assert_eq!(outbox.push(text(1024)), Err(Overflow));
    outbox.written(cost(&queue.pop().unwrap()));
    assert_eq!(outbox.push(text(1024)), Ok(()));
}

#[test]
fn only_queues_above_their_share_overflow_when_the_budget_is_used() {
    let budget = Budget::new(&config(10));
    let mut full = Vec::new();
    for _ in 0..3 {
        let (outbox, queue) = Outbox::new(&budget);
        while outbox.push(text(1024)).is_ok() {}
        full.push((outbox, queue));
    }
    // The last message may have been too long for the rest of the budget.
    assert!(total(&budget) > 15 * 1024, "{}", total(&budget));
    let (honest, _queue) = Outbox::new(&budget);
    // The share is 16 KiB / 10.
    assert_eq!(honest.push(text(1024)), Ok(()));
    assert_eq!(honest.push(text(100)), Ok(()));
    assert_eq!(honest.push(text(1024)), Err(Overflow));
    // The clients above their share lose their place when the next message or ping follows.
    assert_eq!(full[0].0.push(text(1)), Err(Overflow));
    full.clear();
    assert_eq!(honest.push(text(1024)), Ok(()));
}

#[test]
fn dropped_queue_frees_its_bytes() {
    let budget = Budget::new(&config(10));
    let (outbox, queue) = Outbox::new(&budget);
    outbox.push(text(1000)).unwrap();
    let clone = outbox.clone();
    drop((outbox, queue));
    assert_eq!(total(&budget), 1064);
    assert_eq!(clone.push(text(1)), Ok(()));
    drop(clone);
    assert_eq!(total(&budget), 0);
}

proptest! {
    #[test]
    fn memory_of_all_queues_is_bounded(
        max_clients in 1..30_usize,
        // The client, and the length of a message for it. Without one, it reads a message.
        steps in prop::collection::vec((0..30_usize, prop::option::of(0..1100_usize)), 0..600),
    ) {
        let budget = Budget::new(&config(max_clients));
        let mut clients: Vec<_> = (0..max_clients).map(|_| Outbox::new(&budget)).collect();
        let bound = budget.max_total + max_clients * budget.share;
        for (client, length) in steps {
            let client = client % max_clients;
            let (outbox, queue) = &mut clients[client];
            let queued = outbox.account.queued.load(Ordering::Relaxed);
            match length {
                None => {
                    if let Some(message) = queue.pop() {
                        outbox.written(cost(&message));
                    }
                }
                Some(length) => {
                    let message = text(length);
                    let queued = queued + cost(&message);
                    if outbox.push(message).is_err() {
                        let allowed = budget.share.min(budget.max_queue);
                        prop_assert!(queued > allowed, "an honest client was affected");
                        // The server disconnects this client, and another one takes its place.
                        clients[client] = Outbox::new(&budget);
                    }
                }
            }
            prop_assert!(total(&budget) <= bound);
            let queued = clients.iter().map(|(outbox, _)| outbox.account.queued.load(Ordering::Relaxed));
            prop_assert_eq!(queued.sum::<usize>(), total(&budget));
        }
    }
}
