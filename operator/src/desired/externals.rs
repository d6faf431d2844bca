//! Pure. What is to be done outside Kubernetes: to things that outlive the resource.

use kafkasink_crds::resource::TopicStatus;

use super::{bucket, topics};
use crate::model::{Externals, Owners, ValidatedSink, World};

/// Returns what is to be done to the topics and the bucket. `known` is what the resource's status says of the topics,
/// `owners` are older resources whose they are.
pub(crate) fn externals(
    sink: &ValidatedSink,
    world: &World,
    known: &[TopicStatus],
    owners: &Owners,
) -> Externals {
    let known = topics::Known { uid: &sink.identity.uid, topics: known, owners: &owners.topics };
    let topics = world.kafka.as_ref().map(|kafka| topics::plans(sink, kafka, known));
    let bucket = world.store.as_ref().map(|store| bucket::plan(sink, store, owners));
    Externals { topics: topics.map_err(Clone::clone), bucket: bucket.map_err(Clone::clone) }
}
