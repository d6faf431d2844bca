//! Leadership: of all operators that share a Lease one works, and the others stand by.
//!
//! ```text
//! office ─► campaign ─► candidate ─► decision      candidate, decision: pure, and simulated with all their faults
//!               │           ▲
//!               ▼           │ what the Lease shows
//!             lease ────────┘                       IO: Kubernetes
//!               └─► term ─► fence                    until when this process may write, and what keeps it from doing so later
//! ```
//!
//! Why there are never two: a record keeps others away for as long as it names (`leaseDurationSeconds`), counted by each
//! of them from when it first saw the record, hence after it was written. The holder believes in it for two thirds of that,
//! counted from before it was written. So clocks may run differently by a third, and it does not matter what they show.
//! Between a look at the term and the arrival of a request that follows it lies no fence: a holder that is frozen right
//! there for longer than the last third sends one request late. Every write of the operator can be repeated, by anyone.

mod campaign;
mod candidate;
mod decision;
mod fence;
mod lease;
mod office;
mod term;

#[cfg(test)]
mod simulation;

pub(crate) use campaign::{Campaign, Standing};
pub(crate) use decision::Pace;
pub(crate) use fence::fence;
pub(crate) use lease::LeaseObject;
pub(crate) use office::{OfficeError, hold};
pub(crate) use term::Term;
