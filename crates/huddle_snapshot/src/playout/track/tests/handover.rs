use super::*;

#[test]
fn handover_between_remote_owners_jerks_by_at_most_one_step() {
    for (near, far) in [
        ((1, 0.01), (6, 0.09)),
        ((6, 0.09), (1, 0.01)),
        ((3, 0.05), (3, 0.05)),
    ] {
        let mut owners = [near, far].map(|(interval, transit)| Remote::new(interval, transit));
        let mut track = Track::new(Linear, 0, [0.0]);
        let mut shown = Vec::new();
        for frame in 1..600 {
            let arrived = owners.each_mut().map(|owner| owner.frame(frame));
            let owner = usize::from(frame >= 300);
            if frame == 300 {
                track.hand_over();
            }
            let playhead = owners[owner].clock.playhead();
            if let Some(tick) = arrived[owner] {
                track.push(tick, [tick as f32], &playhead);
            }
            shown.push(track.show(&playhead)[0]);
        }
        let steps: Vec<_> = shown.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for step in &steps[200..] {
            // The clock of the new owner may still run 5 % faster.
            assert!((-0.01..2.06).contains(step), "{near:?} to {far:?}: {step}");
        }
        for step in &steps[330..] {
            assert!((0.9..1.1).contains(step), "{near:?} to {far:?}: {step}");
        }
    }
}

#[test]
fn handover_to_and_from_the_local_peer_jerks_by_at_most_one_step() {
    let mut remote = Remote::new(3, 0.05);
    let mut track = Track::new(Linear, 0, [0.0]);
    let mut shown = Vec::new();
    for frame in 1..900 {
        let now = Duration::from_secs_f64(f64::from(frame) / 60.0);
        let arrived = remote.frame(frame);
        if frame == 300 || frame == 600 {
            track.hand_over();
        }
        let playhead = match (300..600).contains(&frame) {
            true => {
                let playhead = Playhead::local(frame, 0.5, 60.0, now);
                track.push(frame, [frame as f32], &playhead);
                playhead
            }
            false => {
                let playhead = remote.clock.playhead();
                // The new owner continues where the local peer was when it received the change.
                if let Some(tick) = arrived {
                    track.push(tick, [tick as f32], &playhead);
                }
                playhead
            }
        };
        shown.push(track.show(&playhead)[0]);
    }
    for pair in shown[200..].windows(2) {
        let step = pair[1] - pair[0];
        assert!((-0.01..2.01).contains(&step), "{step}");
    }
    assert_eq!(shown[500], 500.5);
}

#[test]
fn new_owner_decides_from_its_first_sample_on() {
    let mut track = Track::new(Linear, 100, [7.0]);
    let mut playhead = Playhead::local(100, 1.0, 60.0, Duration::from_secs(1));
    assert_eq!(track.show(&playhead), [7.0]);
    track.hand_over();
    track.push(97, [1.0], &playhead);
    assert_eq!(track.newest(), &[1.0]);
    let mut last = track.show(&playhead)[0];
    assert_eq!(last, 7.0);
    for frame in 1..=20 {
        playhead.now += Duration::from_millis(16);
        playhead.position += 1.0;
        let [shown] = track.show(&playhead);
        assert!(
            (0.0..1.0).contains(&(last - shown)),
            "{last} {shown} in {frame}"
        );
        last = shown;
    }
    assert_eq!(last, 1.0);
}
