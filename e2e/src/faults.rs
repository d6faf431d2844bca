//! `make faults`: kills what a sink stands on, at random moments, and proves that nothing is lost and nothing twice. Pure:
//! only the map.
//!
//! ```text
//!  scenario ─► schedule ─► campaign ─► trial run:  producer ─► Kafka ─► crew (members) ─► store
//!  (what)      (when)      (lanes)                               arena: kill, tear, freeze, start again
//!                                                   then:  truth (the topic) ─► verify ─► compare ─► report
//! ```
//!
//! Everything runs on brokers and stores of its own, since it kills them; the parts come from the lab's cache. The
//! comparison knows only what was produced: [`workload`] makes message `n` again from its number.

pub mod arena;
pub mod campaign;
pub mod compare;
pub mod crew;
pub mod evidence;
pub mod part;
pub mod producer;
pub mod report;
pub mod run;
pub mod scenario;
pub mod schedule;
pub mod tally;
pub mod tear;
pub mod truth;
pub mod verify;
pub mod wal;
pub mod workload;
