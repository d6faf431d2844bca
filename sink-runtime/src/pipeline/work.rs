//! Pure. The records that are on their way to the store, what to ask about them next, and what an answer settles.
//!
//! ```text
//!   entry unknown? ── survey ──┐
//!   place within the frontier? ── check ──┐        own identity there: stored; foreign: next free place
//!   taken, or perhaps cut off? ── probe ──┤        half-written for 2 s: probe what follows too, then mend
//!                                       write ── stored ── out
//!                                          └── refused ── fewer records ── rejected
//! ```
//!
//! A request that breaks off leaves half-written records: begun, without data, shown by no query. What the store does
//! beside them is why they are looked for *before* the next write and deleted *all at once* (seen with 1.21.5):
//!
//! - It does not log that a record was begun. If it is killed before it saved the block, it places what was written
//!   *behind* a half-written record as if that had never been, and cuts the block's file: heads that queries still
//!   show, bodies that are gone. So nothing may be written behind one.
//! - A deletion copies what stays of the block. Where the file ends before a half-written record that stays, the copy
//!   ends in "unexpected EOF" and the whole block disappears from queries. So none may stay. Its file is long enough
//!   at first, because it is allocated in advance, and exactly as long as its data after the first deletion.
//! - A store that is killed while it deletes forgets the holes that the block's file still has: what was finished behind
//!   them is lost as above. With nothing behind, one instant of a few milliseconds remains, in which it has removed
//!   the block's old file and not yet renamed the new one: killed there, it shows the block with bodies of zeros.

mod answers;
mod items;
mod questions;

pub(super) use items::{Found, Pause, Settled, Wait, Work};
