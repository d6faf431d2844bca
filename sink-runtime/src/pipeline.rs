//! Consume → map → batch → write → read back → commit, one lane for each partition.
//!
//! `state` decides and is pure, with `gathering`, `work`, `proving`, `entry_names`, `standing`, `safety`, `reach`, `history`, `frontier`,
//! `letters` and `upkeep` as its parts; `lane` performs what it decides for one partition, `headway` tells meanwhile, and `curfew` ends it; `driver` starts and ends the lanes as
//! partitions come and go, and commits; `store_watch` looks at the store for all of them.

mod ask;
mod breaker;
mod curfew;
mod cut;
mod desk;
mod driver;
mod effect;
mod entry_names;
mod frontier;
mod gathering;
mod headway;
mod history;
mod lane;
mod lanes;
mod letters;
mod lookup;
mod proving;
mod reach;
mod request;
mod safety;
mod stall;
mod standing;
mod state;
mod status;
mod store_watch;
mod upkeep;
mod work;

pub use breaker::Flood;
pub use driver::{Pipeline, PipelineError, PipelineSettings};
pub use effect::{Effect, Input, Refusal};
pub use reach::{GroupView, REACH_WINDOW};
pub use request::{Answer, Check, Checked, ReadBack, Request};
pub use stall::KnownReason;
pub use standing::StoreSeen;
pub use state::{Beginning, PartitionState, StateSettings};
pub use status::Health;
pub use upkeep::{Done, Errand};
