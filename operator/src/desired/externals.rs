//! Pure. What is to be done outside Kubernetes: to things that outlive the resource.

use super::{bucket, topics};
use crate::model::{Externals, ValidatedSink, World};

/// Returns what is to be done to the topics and the bucket.
pub(crate) fn externals(sink: &ValidatedSink, world: &World) -> Externals {
    let topics = world.kafka.as_ref().map(|kafka| topics::plans(sink, kafka));
    let bucket = world.store.as_ref().map(|store| bucket::plan(sink, store));
    Externals { topics: topics.map_err(Clone::clone), bucket: bucket.map_err(Clone::clone) }
}
