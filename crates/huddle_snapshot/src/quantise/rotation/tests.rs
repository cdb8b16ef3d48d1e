use proptest::prelude::*;

use super::*;

fn rule(bits: u32) -> Rotation {
    Rotation::new(bits).unwrap()
}

/// Returns the angle between two rotations in degrees.
fn angle(a: [f32; 4], b: [f32; 4]) -> f64 {
    let (a, b) = (normalised(a).unwrap(), normalised(b).unwrap());
    // The chord is more accurate than the arc cosine for small angles.
    let distance = |sign: f64| {
        let squares = (0..4).map(|axis| (a[axis] - sign * b[axis]).powi(2));
        squares.sum::<f64>().sqrt()
    };
    let chord = distance(1.0).min(distance(-1.0));
    (4.0 * (chord / 2.0).asin()).to_degrees()
}

fn assert_stable(rule: Rotation, quanta: RotationQuanta) {
    assert_eq!(rule.violation(&quanta), None, "{quanta:?}");
    assert_eq!(rule.canonical(quanta), quanta);
    let quaternion = rule.dequantise(quanta);
    assert_eq!(rule.quantise(quaternion), quanta, "{quaternion:?}");
    let opposite = quaternion.map(|component| -component);
    assert_eq!(rule.quantise(opposite), quanta, "{quaternion:?}");
    let [x, y, z, w] = quaternion.map(f64::from);
    let length = (x * x + y * y + z * z + w * w).sqrt();
    assert!((length - 1.0).abs() < 2e-7, "{length}");
}

#[test]
fn all_quanta_of_few_bits_survive_the_round_trip() {
    for bits in [4, 5] {
        let rule = rule(bits);
        let mut canonical = 0;
        for largest in 0..5 {
            for x in rule.quanta() {
                for y in rule.quanta() {
                    for z in rule.quanta() {
                        let any = RotationQuanta {
                            largest,
                            others: [x, y, z],
                        };
                        let quanta = rule.canonical(any);
                        assert_stable(rule, quanta);
                        canonical += usize::from(quanta == any);
                    }
                }
            }
        }
        let all = 4 * rule.quanta().count().pow(3);
        assert!(canonical > all / 2, "{canonical} of {all}");
    }
}

#[test]
fn ties_between_all_pairs_survive_the_round_trip() {
    for bits in BITS {
        let rule = rule(bits);
        for (a, b) in [(0, 1), (0, 3), (1, 2), (3, 1), (2, 0)] {
            for sign in [1.0, -1.0] {
                for noise in -20..=20 {
                    let mut quaternion = [0.0; 4];
                    quaternion[a] = std::f32::consts::FRAC_1_SQRT_2 + noise as f32 * 6e-8;
                    quaternion[b] = sign * std::f32::consts::FRAC_1_SQRT_2;
                    let quanta = rule.quantise(quaternion);
                    assert_stable(rule, quanta);
                    // A quarter turn is exact, whichever component rounding made the largest.
                    assert_eq!(usize::from(quanta.largest), a.min(b));
                    assert!(angle(rule.dequantise(quanta), quaternion) < 2e-4);
                }
            }
        }
    }
}

#[test]
fn components_that_differ_by_less_than_an_f32_can_represent_survive_the_round_trip() {
    for bits in BITS {
        let rule = rule(bits);
        for (below, x) in (0..20).flat_map(|below| (0..400).map(move |x| (below, x))) {
            // `z` is the largest component, and `y` is little less.
            let y = rule.limit - below;
            let rest = 2 * (square(rule.limit) - square(y)) - square(x);
            let w = (rest.max(0) as f64).sqrt() as i32;
            for less in 0..2 {
                let near_tie = RotationQuanta {
                    largest: 2,
                    others: [x, y, w - less],
                };
                assert_stable(rule, rule.canonical(near_tie));
            }
        }
    }
}

#[test]
fn quaternions_that_are_no_rotation_count_as_the_identity() {
    let rule = rule(10);
    for quaternion in [
        [0.0; 4],
        [f32::NAN, 0.0, 0.0, 1.0],
        [f32::INFINITY, 0.0, 0.0, 0.0],
        [0.1, 0.0, 0.0, 0.0],
        [0.0, 3.0, 0.0, 0.0],
    ] {
        assert_eq!(rule.quantise(quaternion), RotationQuanta::IDENTITY);
    }
    assert_eq!(
        rule.dequantise(RotationQuanta::IDENTITY),
        [0.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(
        rule.quantise([0.0, 0.6, 0.0, 0.6]),
        rule.quantise([0.0, 1.0, 0.0, 1.0])
    );
}

#[test]
fn errors_are_as_documented() {
    for (bits, typical, largest) in [(8, 0.35, 1.0), (10, 0.09, 0.25), (12, 0.022, 0.06)] {
        let rule = rule(bits);
        let mut rng = fastrand::Rng::with_seed(1);
        let (mut sum, mut most) = (0.0, 0.0f64);
        for _ in 0..20_000 {
            let quaternion = loop {
                let any = std::array::from_fn(|_| rng.f32() * 2.0 - 1.0);
                let length = any.iter().map(|c| c * c).sum::<f32>();
                if (0.25..=1.0).contains(&length) {
                    break any;
                }
            };
            let error = angle(rule.dequantise(rule.quantise(quaternion)), quaternion);
            sum += error;
            most = most.max(error);
        }
        assert!(sum / 20_000.0 < typical && most < largest, "{bits} bits");
    }
}

#[test]
fn unsupported_numbers_of_bits_are_errors() {
    for bits in [0, 3, 17, u32::MAX] {
        assert_eq!(Rotation::new(bits), Err(RotationError(bits)));
    }
}

/// Quaternions, many of which have two or more components that are almost equal.
fn quaternions() -> impl Strategy<Value = [f32; 4]> {
    let component = prop_oneof![
        -1.0f32..=1.0,
        Just(0.0),
        Just(0.5),
        Just(-0.5),
        (-1000i16..1000).prop_map(|noise| 0.5 + f32::from(noise) * 1e-7),
        (-1000i16..1000)
            .prop_map(|noise| std::f32::consts::FRAC_1_SQRT_2 + f32::from(noise) * 1e-7),
    ];
    prop::array::uniform4(component).prop_filter("a rotation", |q| {
        let squared: f64 = q.iter().map(|&c| f64::from(c).powi(2)).sum();
        SQUARED_LENGTHS.contains(&squared)
    })
}

proptest! {
    #[test]
    fn quantised_rotation_is_stable_and_close(bits in BITS, quaternion in quaternions()) {
        let rule = rule(bits);
        let quanta = rule.quantise(quaternion);
        assert_stable(rule, quanta);
        let error = angle(rule.dequantise(quanta), quaternion);
        let step = 1.0 / rule.scale();
        // Half a step in each of three components, and one more where ties are avoided.
        let bound = (2.0 * 3.5 * step).to_degrees() + 2e-5;
        prop_assert!(error < bound, "{} > {} ({} bits)", error, bound, bits);
    }

    #[test]
    fn any_quanta_become_stable(bits in BITS, largest: u8, others: [i32; 3]) {
        let rule = rule(bits);
        assert_stable(rule, rule.canonical(RotationQuanta { largest, others }));
        let others = others.map(|quantum| quantum % (rule.limit + 1));
        assert_stable(rule, rule.canonical(RotationQuanta { largest, others }));
    }
}
