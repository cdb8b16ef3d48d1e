//! The players' shapes as signed distance fields: negative inside, 0 on the edge, in a square from
//! -1 to 1.

use std::f32::consts::PI;

use bevy::math::Vec2;

/// All shapes.
pub(crate) const OUTLINES: [fn(Vec2) -> f32; 6] = [
    |p| p.length() - 0.86,
    |p| rounded(0.24, polygon(p.rotate(Vec2::from_angle(PI / 4.0)), 4, 0.76)),
    |p| rounded(0.3, polygon(p + Vec2::new(0.0, 0.1), 3, 0.68)),
    |p| rounded(0.42, polygon(p, 6, 0.47)),
    |p| rounded(0.16, star(p, 0.76)),
    flower,
];

/// Grows a shape by `radius`, which rounds its corners.
fn rounded(radius: f32, distance: f32) -> f32 {
    distance - radius
}

/// A regular polygon with one corner on top.
fn polygon(p: Vec2, corners: u32, radius: f32) -> f32 {
    let half_turn = PI / corners as f32;
    let bearing = p.x.atan2(p.y).rem_euclid(2.0 * half_turn) - half_turn;
    let (across, along) = (p.length() * bearing.cos(), p.length() * bearing.sin().abs());
    let beyond = across - radius * half_turn.cos();
    let past_corner = (along - radius * half_turn.sin()).max(0.0);
    if beyond < 0.0 {
        beyond
    } else {
        Vec2::new(beyond, past_corner).length()
    }
}

/// A star with five points, one on top, folded into half a point.
fn star(mut p: Vec2, radius: f32) -> f32 {
    let right = Vec2::new(0.809_017, -0.587_785_25);
    let left = Vec2::new(-right.x, right.y);
    p.x = p.x.abs();
    p -= 2.0 * right.dot(p).max(0.0) * right;
    p -= 2.0 * left.dot(p).max(0.0) * left;
    p.x = p.x.abs();
    p.y -= radius;
    let edge = 0.58 * Vec2::new(-right.y, right.x) - Vec2::Y;
    let along = (p.dot(edge) / edge.length_squared()).clamp(0.0, radius);
    (p - edge * along).length() * (p.y * edge.x - p.x * edge.y).signum()
}

/// Six petals.
fn flower(p: Vec2) -> f32 {
    let petals = (6.0 * p.x.atan2(p.y)).cos();
    // The slope of the wavy edge makes the distance a little smaller.
    (p.length() - 0.78 - 0.09 * petals) * 0.85
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_has_room_for_eyes_and_fits_its_image() {
        for (number, outline) in OUTLINES.iter().enumerate() {
            for step in 0..360 {
                let direction = Vec2::from_angle((step as f32).to_radians());
                let inside = direction * 0.42;
                let border = direction / direction.abs().max_element() * 0.99;
                assert!(outline(inside) < 0.0, "shape {number} is thin at {step}");
                assert!(outline(border) > 0.0, "shape {number} is cut at {step}");
            }
        }
    }
}
