//! How much memory there is, and how it is shared out.
//!
//! `cgroup` says which files hold the limit, `limit` reads them, `plan` shares it out, `allocator` measures what is in use.

mod allocator;
mod cgroup;
mod limit;
mod plan;

pub use allocator::allocated_bytes;
pub use limit::{LimitError, MemoryLimit};
pub use plan::{Demand, FetchLimits, MIB, MemoryPlan, PROOF, PlanError};
