//! The sizes of packets with entities that move like physical bodies.

use super::*;

/// A body with a position and a rotation around one axis, in steps.
struct Body {
    at: [f64; 3],
    speed: [f64; 3],
    angle: f64,
    spin: f64,
}

impl Body {
    /// Falls, bounces, slides, and is pushed now and then.
    fn step(&mut self, rng: &mut Rng) {
        self.speed[1] -= 2.0;
        for (at, speed) in self.at.iter_mut().zip(&mut self.speed) {
            *at += *speed;
            if !(0.0..32_000.0).contains(at) {
                *speed *= -0.7;
                *at = at.clamp(0.0, 32_000.0);
            }
        }
        if self.at[1] < 10.0 {
            self.spin *= 0.95;
            self.speed[0] *= 0.97;
            self.speed[2] *= 0.97;
        }
        if rng.u8(..40) == 0 {
            self.speed = [(); 3].map(|()| 80.0 * (rng.f64() - 0.5));
            self.spin = 0.3 * (rng.f64() - 0.5);
        }
        self.angle += self.spin;
    }

    fn numbers(&self) -> [i32; 7] {
        let rotation = crate::quantise::Rotation::new(9).unwrap();
        let (sin, cos) = (self.angle / 2.0).sin_cos();
        let quaternion = [0.3 * sin, 0.9 * sin, 0.316 * sin, cos].map(|it| it as f32);
        let q = rotation.quantise(quaternion);
        let [x, y, z] = self.at.map(|at| at.round() as i32);
        let [a, b, c] = q.others.map(|it| it - rotation.quanta().start());
        [x, y, z, q.largest.into(), a, b, c]
    }
}

#[test]
#[ignore = "measures the sizes of packets"]
fn sizes_of_packets() {
    for (name, delay, loss, moving) in [
        ("delay 2", 2, 0.0, 1.0),
        ("delay 5", 5, 0.0, 1.0),
        ("delay 5, loss 5%", 5, 0.05, 1.0),
        ("delay 5, some rest", 5, 0.02, 0.6),
    ] {
        let place = Field::Vector {
            axes: 3,
            max: [32_767; 3],
        };
        let fields = vec![place, Field::Rotation { bits: 9 }];
        let layout = Layout::new([("place".to_owned(), Shape::Fields(fields))]).unwrap();
        let component = layout.id("place").unwrap();
        let mut pair = Pair::with_layout(layout, BudgetOptions::UNLIMITED);
        (pair.delay, pair.loss, pair.space) = (delay, loss, 4000);
        let mut rng = Rng::with_seed(3);
        let mut bodies: Vec<_> = (0..60)
            .map(|_| Body {
                at: [(); 3].map(|()| 1000.0 + rng.f64() * 20_000.0),
                speed: [(); 3].map(|()| rng.f64() * 20.0),
                angle: rng.f64() * 3.0,
                spin: rng.f64() * 0.1,
            })
            .collect();
        let spawn = |body: &Body| {
            let values = [(component, Value::Numbers(&body.numbers()[..]))];
            pair.a.spawn(NewEntity::default(), &values).unwrap()
        };
        let ids: Vec<_> = bodies.iter().map(spawn).collect();
        for tick in 0..900 {
            for (at, (body, id)) in bodies.iter_mut().zip(&ids).enumerate() {
                if (tick / 60 + at) % 10 < (moving * 10.0) as usize {
                    body.step(&mut rng);
                    let value = Value::Numbers(&body.numbers());
                    pair.a.set(*id, component, value).unwrap();
                }
            }
            pair.tick();
            if tick == 300 {
                pair.sent.clear();
            }
        }
        let bytes: usize = pair.sent.iter().map(|(_, len)| len).sum();
        println!(
            "{name}: {:.2} bits for each body and tick",
            bytes as f64 * 8.0 / 600.0 / 60.0
        );
    }
}
