//! Pure. Step 6: what the resource's status says, from what was found and done.
//!
//! ```text
//! findings ─► verdicts (one per condition) ─► conditions (times move only on change) ─┐
//!          └► topics, consumer group, effective settings ─────────────────────────────┴─► whole
//! ```

mod binding;
mod conditions;
mod effective;
mod expiries;
mod findings;
mod group;
mod held;
mod losses;
mod reasons;
mod retention;
mod topics;
mod verdicts;
mod warnings;
mod whole;

pub(crate) use conditions::find;
pub(crate) use expiries::expiries;
pub(crate) use findings::Findings;
pub(crate) use losses::lost;
pub(crate) use retention::used as retention_used;
pub(crate) use whole::{
    is_bucket_full, keeps_its_lag, next, pods_awaited_long, refused, status, unreadable, with_lag_of,
};

#[cfg(test)]
mod tests;
