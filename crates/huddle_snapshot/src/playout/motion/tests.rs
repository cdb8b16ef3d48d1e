use super::*;

fn assert_close<const N: usize>(actual: [f32; N], expected: [f32; N]) {
    let is_close = |(a, b): (f32, f32)| (a - b).abs() < 1e-4;
    assert!(
        actual.into_iter().zip(expected).all(is_close),
        "{actual:?} instead of {expected:?}"
    );
}

/// A rotation around the y axis.
fn turned(degrees: f32) -> [f32; 4] {
    let half = degrees.to_radians() / 2.0;
    [0.0, half.sin(), 0.0, half.cos()]
}

#[test]
fn linear_motion_is_uniform_and_continues() {
    assert_close(
        Linear.between(&[1.0, 0.0], &[3.0, 4.0], 0.25, 0.1),
        [1.5, 1.0],
    );
    assert_close(Linear.beyond(&[1.0], &[3.0], 0.1, 0.05), [4.0]);
    assert_close(Linear.shift(&[10.0], &[1.0], &[3.0], 0.5), [11.0]);
}

#[test]
fn hermite_motion_follows_velocities() {
    // A falling body: the value is t², its velocity 2 t.
    let at = |t: f32| Moving {
        value: [t * t],
        velocity: [2.0 * t],
    };
    let (from, to) = (at(1.0), at(1.5));
    for t in [0.0, 0.3, 0.5, 0.8, 1.0] {
        let between = Hermite.between(&from, &to, t, 0.5);
        assert_close(between.value, at(1.0 + t * 0.5).value);
        assert_close(between.velocity, at(1.0 + t * 0.5).velocity);
    }
    assert_close(Hermite.beyond(&from, &to, 0.5, 0.1).value, [2.55]);
    assert_close(Hermite.shift(&to, &at(0.0), &at(1.0), 0.5).value, [2.75]);
}

#[test]
fn rotation_takes_the_shorter_arc_and_continues() {
    let (from, to) = (turned(350.0), turned(10.0));
    let identity = turned(0.0);
    let halfway = Nlerp.between(&from, &to, 0.5, 0.1);
    assert_close(halfway.map(|c| c * halfway[3].signum()), identity);
    let beyond = Nlerp.beyond(&turned(0.0), &turned(2.0), 0.1, 0.1);
    assert_close(beyond, turned(4.0));
    assert_close(
        Nlerp.shift(&turned(50.0), &turned(10.0), &turned(20.0), 1.0),
        turned(60.0),
    );
    assert_close(
        Nlerp.shift(&turned(50.0), &turned(10.0), &turned(20.0), 0.0),
        turned(50.0),
    );
    let opposite = Nlerp.between(&[0.0; 4], &[0.0; 4], 0.5, 0.1);
    assert_eq!(opposite, [0.0; 4]);
}
