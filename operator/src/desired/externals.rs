//! Pure. What is to be done outside Kubernetes: to things that outlive the resource.

use kafkasink_crds::resource::TopicStatus;

use super::{bucket, topics};
use crate::model::{Externals, Owners, ValidatedSink, World};

/// What the resource's status says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said<'a> {
    /// Of the topics.
    pub(crate) topics: &'a [TopicStatus],
    /// Whether the bucket is full.
    pub(crate) is_bucket_full: bool,
}

/// Returns what is to be done to the topics and the bucket; `owners` are older resources whose they are.
pub(crate) fn externals(sink: &ValidatedSink, world: &World, said: Said<'_>, owners: &Owners) -> Externals {
    let known = topics::Known { uid: &sink.identity.uid, topics: said.topics, owners: &owners.topics };
    let topics = world.kafka.as_ref().map(|kafka| topics::plans(sink, kafka, known));
    let bucket = world.store.as_ref().map(|store| bucket::plan(sink, store, owners, said.is_bucket_full));
    Externals { topics: topics.map_err(Clone::clone), bucket: bucket.map_err(Clone::clone) }
}
