//! Pure. What is to be done outside Kubernetes: to things that outlive the resource.

use kafkasink_crds::resource::TopicStatus;

use super::{bucket, topics};
use crate::model::{Externals, ValidatedSink, World};

/// Returns what is to be done to the topics and the bucket; `known` is what the resource's status says of the topics.
pub(crate) fn externals(sink: &ValidatedSink, world: &World, known: &[TopicStatus]) -> Externals {
    let topics = world.kafka.as_ref().map(|kafka| topics::plans(sink, kafka, known));
    let bucket = world.store.as_ref().map(|store| bucket::plan(sink, store));
    Externals { topics: topics.map_err(Clone::clone), bucket: bucket.map_err(Clone::clone) }
}
