//! Says at once all that a machine lacks for a part of the lab. Pure: only the map.
//!
//! ```text
//!  needs ─► facts (IO: looks) ─► verdict (pure: judges) ─► one error with a line per problem
//! ```

mod facts;
mod port;
mod verdict;

pub use facts::check;
pub use port::{free_port, lab_port, other_port};
pub use verdict::{Facts, Need, Problem};
