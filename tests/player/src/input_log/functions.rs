//! The mathematical functions that games use.

use bevy::{
    math::{Affine3A, FloatPow, Mat2, Mat3, Vec3A, ops},
    prelude::*,
};

/// All 32 functions of `bevy::math::ops`, with `BINARY` and `sin_cos`, and the two methods of `FloatPow`.
const UNARY: [fn(f32) -> f32; 28] = [
    ops::exp,
    ops::exp2,
    ops::ln,
    ops::log2,
    ops::log10,
    ops::cbrt,
    ops::sin,
    ops::cos,
    ops::tan,
    ops::asin,
    ops::acos,
    ops::atan,
    ops::exp_m1,
    ops::ln_1p,
    ops::sinh,
    ops::cosh,
    ops::tanh,
    ops::asinh,
    ops::acosh,
    ops::atanh,
    ops::abs,
    ops::sqrt,
    ops::round,
    ops::floor,
    ops::ceil,
    ops::fract,
    FloatPow::squared,
    FloatPow::cubed,
];

const BINARY: [fn(f32, f32) -> f32; 5] = [
    ops::powf,
    ops::hypot,
    ops::atan2,
    ops::rem_euclid,
    ops::copysign,
];

/// Calls every function with arguments of several sizes.
pub(super) fn call_ops(x: f32, y: f32, results: &mut Vec<f32>) {
    // The domains of the functions start or end at 0 and 1.
    let arguments = [x, x / 400.0, 1.0 + x.abs() * 0.01];
    for argument in arguments {
        results.extend(UNARY.map(|function| function(argument)));
        results.extend(BINARY.map(|function| function(argument, y)));
    }
    // Large arguments have a reduction of their own.
    results.extend(<[f32; 2]>::from(ops::sin_cos(x)));
    results.extend(<[f32; 2]>::from(ops::sin_cos(x * 1.0e6)));
}

/// Calls what games use of two-dimensional vectors.
pub(super) fn call_vec2(a: Vec2, b: Vec2, t: f32, results: &mut Vec<f32>) {
    let direction = Vec2::from_angle(t);
    let vectors = [
        direction,
        direction.rotate(a),
        a.normalize_or_zero(),
        a.lerp(b, t),
        a.reflect(direction),
        a.project_onto(direction),
        a.clamp_length(1.0, 20.0),
        a.move_towards(b, t),
        direction.rotate_towards(Vec2::from_angle(a.x), 0.3),
        a.exp(),
        a.abs().powf(t),
        a.rem_euclid(b),
        Mat2::from_angle(t) * a,
        Rot2::radians(t).nlerp(Rot2::radians(a.x), 0.3) * a,
    ];
    results.extend(vectors.iter().flat_map(|vector| vector.to_array()));
    results.extend([
        a.length(),
        a.distance(b),
        a.dot(b),
        a.perp_dot(b),
        a.angle_to(b),
        a.to_angle(),
    ]);
}

/// Calls what games use of rotations and three-dimensional vectors. `Quat::slerp` is not among them, because its
/// results differ between x86-64 and the web. Those of `DQuat::slerp` do not.
pub(super) fn call_rotations(place: Vec3, rotation: Quat, t: f32, results: &mut Vec<f32>) {
    let axis = place.normalize_or(Vec3::X);
    let other = Quat::from_euler(EulerRot::YXZ, t, place.x, place.y);
    let rotations = [
        Quat::from_rotation_x(t),
        Quat::from_rotation_z(t),
        Quat::from_axis_angle(axis, t),
        Quat::from_rotation_arc(Vec3::Y, axis),
        other,
        rotation.lerp(other, t.clamp(0.0, 1.0)),
        rotation.as_dquat().slerp(other.as_dquat(), 0.3).as_quat(),
        (rotation * other.inverse()).normalize(),
        Transform::from_translation(place)
            .looking_at(Vec3::new(t, 2.0, 3.0), Vec3::Y)
            .rotation,
    ];
    results.extend(rotations.iter().flat_map(|rotation| rotation.to_array()));
    let vectors = [
        rotation * place,
        place.cross(axis),
        place.reflect(axis),
        place.slerp(Vec3::new(t, 1.0, 2.0), 0.3),
        place.any_orthonormal_vector(),
        Vec3A::from(place).normalize_or_zero().into(),
        Vec3::from(other.to_euler(EulerRot::XYZ)),
        other.to_axis_angle().0,
    ];
    results.extend(vectors.iter().flat_map(|vector| vector.to_array()));
    results.extend([
        rotation.dot(other),
        rotation.angle_between(other),
        place.angle_between(axis),
        Vec3A::from(place).dot(axis.into()),
    ]);
}

/// Calls what games use of matrices and four-dimensional vectors.
pub(super) fn call_matrices(place: Vec3, rotation: Quat, t: f32, results: &mut Vec<f32>) {
    let matrix = Mat4::from_scale_rotation_translation(Vec3::new(1.5, 0.5, 1.0), rotation, place);
    let camera = Mat4::perspective_rh(0.8 + t * 0.01, 1.5, 0.1, 1000.0);
    let affine = Affine3A::from_rotation_translation(rotation, place);
    results.extend((camera * matrix).to_cols_array());
    results.extend(matrix.inverse().to_cols_array());
    results.extend((Mat3::from_quat(rotation) * Mat3::from_rotation_y(t)).to_cols_array());
    results.extend((affine * affine.inverse()).to_cols_array());
    let (scale, turned, _) = matrix.to_scale_rotation_translation();
    let vectors = [
        matrix.transform_point3(place),
        camera.project_point3(place),
        affine.transform_vector3(place),
        Transform::from_matrix(matrix) * place,
        scale,
    ];
    results.extend(vectors.iter().flat_map(|vector| vector.to_array()));
    let extended = place.extend(t);
    results.extend(extended.normalize_or_zero().to_array());
    results.extend(turned.to_array());
    results.extend([
        extended.dot(matrix.w_axis),
        extended.length(),
        matrix.determinant(),
    ]);
}
