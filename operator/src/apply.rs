//! IO: Kafka, ReductStore, Kubernetes. Step 5: makes the world as it shall be.

mod bucket;
mod externals;
mod status;
mod topics;
mod workload;

pub(crate) use externals::externals;
pub(crate) use status::write_status;
pub(crate) use workload::{scale_down, workload};
