//! Pure. The records that are on their way to the store, what to ask about them next, and what an answer settles.
//!
//! ```text
//!   entry unknown? ── survey ──┐
//!   place within the frontier? ── check ──┐        own identity there: stored; foreign: next free place
//!                                       write ── stored ── out
//!              place taken? ── probe ────┘└── refused ── fewer records ── rejected
//!              half-written for 2 s? ── mend
//! ```

mod answers;
mod items;
mod questions;

pub(super) use items::{Found, Pause, Settled, Work};
