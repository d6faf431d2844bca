//! Pure. Who owns what several resources name: the configuration of a topic, the settings of a bucket, entries. The
//! oldest does, until it is gone.

use std::cell::OnceCell;
use std::cmp::Ordering;

use kafkasink_crds::entry_shapes::EntryShapes;
use kafkasink_crds::entry_template::EntryTemplate;
use kafkasink_crds::resource::{
    BucketSpec, KafkaSink, KafkaSinkSpec, KafkaSpec, ManagementPolicy, ReductStoreSpec, TopicSpec,
};
use kafkasink_crds::topic_name::TopicName;
use kube::ResourceExt;
use serde_json::Value;

use crate::model::{Neighbour, Owners, Unreadable};

/// Orders resources by their age, the oldest first.
pub(crate) fn by_age(one: &KafkaSink, other: &KafkaSink) -> Ordering {
    let birth = |sink: &KafkaSink| (sink.creation_timestamp().map(|time| time.0), sink.uid());
    birth(one).cmp(&birth(other))
}

/// What a resource names that only one resource can own. Made once, it is held against many others.
pub(crate) struct Claims<'a> {
    spec: &'a KafkaSinkSpec,
    /// Its entries, once they were asked for.
    shapes: OnceCell<Option<EntryShapes>>,
}

impl<'a> Claims<'a> {
    /// Returns what a resource names.
    pub(crate) fn of(spec: &'a KafkaSinkSpec) -> Self {
        Self { spec, shapes: OnceCell::new() }
    }

    /// Tells whether another resource names anything of it too.
    pub(crate) fn concern(&self, other: &KafkaSinkSpec) -> bool {
        let names_too = |topic: &TopicName| topics(other).any(|(named, _)| named == topic);
        let (ours, theirs) = (&self.spec.reduct_store, &other.reduct_store);
        topics(self.spec).any(|(topic, _)| names_too(topic))
            || shares_bucket(ours, theirs)
                && (declares_other_settings(&ours.bucket, &theirs.bucket) || self.can_meet(other))
    }

    /// Tells whether messages of both could go to one entry of a bucket. A template that cannot be read writes nothing.
    fn can_meet(&self, other: &KafkaSinkSpec) -> bool {
        let ours = self.shapes.get_or_init(|| shapes(self.spec)).as_ref();
        ours.zip(shapes(other)).is_some_and(|(ours, theirs)| ours.can_meet(&theirs))
    }
}

/// Returns what of this resource's an older one owns. `cluster_id` is that of its Kafka cluster, which `neighbours`
/// (oldest first) may reach by other addresses.
pub(crate) fn owners(resource: &KafkaSink, cluster_id: Option<&str>, neighbours: &[Neighbour]) -> Owners {
    let (spec, claims) = (&resource.spec, Claims::of(&resource.spec));
    let store = &spec.reduct_store;
    let older = || neighbours.iter().filter(|neighbour| neighbour.older).map(|neighbour| &neighbour.resource);
    let in_bucket = || older().filter(move |owner| shares_bucket(store, &owner.spec.reduct_store));
    let owner_of = |topic: &TopicName| {
        let decides = |owner: &&KafkaSink| {
            let named = |(name, policy): (&TopicName, ManagementPolicy)| {
                name == topic && policy != ManagementPolicy::Observe
            };
            topics(&owner.spec).any(named) && is_on_cluster(owner, cluster_id, &spec.kafka)
        };
        older().find(decides).map(label)
    };
    let settings = |owner: &&KafkaSink| {
        let bucket = &owner.spec.reduct_store.bucket;
        bucket_policy(bucket) != ManagementPolicy::Observe && declares_other_settings(&store.bucket, bucket)
    };
    Owners {
        topics: topics(spec).filter_map(|(topic, _)| Some((topic.clone(), owner_of(topic)?))).collect(),
        bucket: in_bucket().find(settings).map(label),
        entries: in_bucket().find(|owner| claims.can_meet(&owner.spec)).map(label),
    }
}

/// Returns a resource, older or younger, that names the topic on the same cluster, as `namespace/name`. One whose cluster
/// is not known yet may be on the same.
pub(crate) fn other_user(
    topic: &TopicName,
    kafka: &KafkaSpec,
    cluster_id: &str,
    neighbours: &[Neighbour],
) -> Option<String> {
    let uses = |sink: &&KafkaSink| {
        let may_be_here = known_cluster(sink).is_none() || is_on_cluster(sink, Some(cluster_id), kafka);
        may_be_here && topics(&sink.spec).any(|(named, _)| named == topic)
    };
    neighbours.iter().map(|neighbour| &neighbour.resource).find(uses).map(label)
}

/// Returns a resource that may name the topic and cannot be read, as `namespace/name`: the name stands somewhere in it.
pub(crate) fn possible_user(topic: &TopicName, unreadable: &[Unreadable]) -> Option<String> {
    let holds = |other: &&Unreadable| holds(&other.content, topic.as_str());
    unreadable.iter().find(holds).map(|other| other.label.clone())
}

fn holds(content: &Value, text: &str) -> bool {
    match content {
        Value::String(found) => found == text,
        Value::Array(values) => values.iter().any(|value| holds(value, text)),
        Value::Object(fields) => fields.values().any(|value| holds(value, text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn label(sink: &KafkaSink) -> String {
    format!("{}/{}", sink.namespace().unwrap_or_default(), sink.name_any())
}

/// Every topic of a resource, the dead-letter topic included, and who decides about it.
fn topics(spec: &KafkaSinkSpec) -> impl Iterator<Item = (&TopicName, ManagementPolicy)> {
    let policy = |topic: &TopicSpec| topic.management_policy.unwrap_or(TopicSpec::MANAGEMENT_POLICY_DEFAULT);
    let dead_letter = spec.delivery.as_ref().and_then(|delivery| delivery.dead_letter.as_ref());
    let letters = dead_letter.map(|dead_letter| (&dead_letter.topic, ManagementPolicy::Enforce));
    spec.topics.iter().map(move |topic| (&topic.name, policy(topic))).chain(letters)
}

/// One cluster has many addresses and one id; before the id is known, a common address tells.
fn is_on_cluster(sink: &KafkaSink, cluster_id: Option<&str>, kafka: &KafkaSpec) -> bool {
    known_cluster(sink).zip(cluster_id).map_or_else(
        || kafka.bootstrap_servers.iter().any(|server| sink.spec.kafka.bootstrap_servers.contains(server)),
        |(theirs, ours)| theirs == ours,
    )
}

fn known_cluster(sink: &KafkaSink) -> Option<&str> {
    sink.status.as_ref()?.binding.as_ref()?.kafka_cluster_id.as_deref()
}

fn shares_bucket(one: &ReductStoreSpec, other: &ReductStoreSpec) -> bool {
    let same_url = || one.url.trim_end_matches('/').eq_ignore_ascii_case(other.url.trim_end_matches('/'));
    one.bucket.name == other.bucket.name && same_url()
}

fn bucket_policy(bucket: &BucketSpec) -> ManagementPolicy {
    bucket.management_policy.unwrap_or(BucketSpec::MANAGEMENT_POLICY_DEFAULT)
}

fn declares_other_settings(one: &BucketSpec, other: &BucketSpec) -> bool {
    let policy = bucket_policy(one);
    BucketSpec { management_policy: Some(policy), ..one.clone() }
        != BucketSpec { management_policy: Some(policy), ..other.clone() }
}

fn shapes(spec: &KafkaSinkSpec) -> Option<EntryShapes> {
    let entry = spec.mapping.as_ref().and_then(|mapping| mapping.entry.as_deref());
    let template = EntryTemplate::parse(entry.unwrap_or(EntryTemplate::DEFAULT), spec.topics.len()).ok()?;
    Some(EntryShapes::of(&template, spec.topics.iter().map(|topic| topic.name.as_str())))
}

#[cfg(test)]
mod tests;
