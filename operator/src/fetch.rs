//! IO: Kubernetes, Kafka, ReductStore. Step 1 and step 3: everything that is read before anything is decided.

mod ages;
mod exposition;
mod kubernetes;
mod members;
mod pods;
mod values;
mod world;

pub(crate) use ages::ages;
pub(crate) use kubernetes::{fetch, kafka_values, workload};
pub(crate) use members::members;
pub(crate) use pods::pods;
pub(crate) use world::{kafka_query, world};
