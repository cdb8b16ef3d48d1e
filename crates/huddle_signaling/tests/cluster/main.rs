//! Several instances that share their rooms through Redis.
#![cfg(unix)]

#[path = "../common/mod.rs"]
mod common;
mod drain;
mod failures;
mod lists;
mod meeting;
mod player;
mod program;
mod security;
mod support;
