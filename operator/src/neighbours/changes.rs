//! Pure but for its own memory. `Changes`: which changes of resources concern others. A status that tells of lag, pods or
//! conditions does not: resources that woke each other by every write of theirs would never rest.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use kafkasink_crds::resource::{KafkaSink, KafkaSinkSpec};
use kube::ResourceExt;
use kube::runtime::watcher::Event;

use super::Guarded;

/// What others look at.
#[derive(Clone, Debug, PartialEq)]
struct Trace {
    namespace: Option<String>,
    name: String,
    spec: Arc<KafkaSinkSpec>,
    is_going: bool,
    /// Which spec the operator has come to terms with: only then have topics and bucket taken its shape.
    observed_generation: Option<i64>,
    /// Which cluster it belongs to.
    cluster_id: Option<String>,
    /// Its topics and their ids: one that waits for a topic is told when it is there.
    topics: Vec<(String, Option<String>)>,
}

/// A resource that changed.
#[derive(Debug, PartialEq)]
pub(super) struct Change {
    /// Where it is.
    pub(super) namespace: Option<String>,
    /// What it is called.
    pub(super) name: String,
    /// What it declared before and declares now, as far as it did and does.
    pub(super) specs: Vec<Arc<KafkaSinkSpec>>,
}

/// What a watch told.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// The resources that changed.
    pub(super) changes: Vec<Change>,
    /// The uids of those that are gone; another resource may have their names.
    pub(super) gone: Vec<String>,
}

/// What is known of the resources of one watch, by their uids; nothing of those that cannot be read.
#[derive(Debug, Default)]
pub(super) struct Changes {
    known: HashMap<String, Option<Trace>>,
    /// Those that a list has shown which is not complete yet.
    listed: HashSet<String>,
}

impl Changes {
    /// Returns those that changed or went by what the watch tells. What it missed while it was interrupted is found by the
    /// next list.
    pub(super) fn heard(&mut self, event: &Event<Guarded>) -> Heard {
        match event {
            Event::Init => {
                self.listed.clear();
                Heard::default()
            }
            Event::InitApply(resource) => {
                self.listed.extend(resource.uid());
                self.seen(resource)
            }
            Event::Apply(resource) => self.seen(resource),
            Event::Delete(resource) => {
                let uid = resource.uid().unwrap_or_default();
                let before = self.known.remove(&uid).flatten();
                Heard { changes: Vec::from_iter(change(before, None)), gone: vec![uid] }
            }
            Event::InitDone => {
                let gone = self.known.extract_if(|uid, _| !self.listed.contains(uid));
                let (gone, traces): (_, Vec<_>) = gone.unzip();
                Heard { changes: traces.into_iter().filter_map(|trace| change(trace, None)).collect(), gone }
            }
        }
    }

    fn seen(&mut self, guarded: &Guarded) -> Heard {
        let uid = guarded.uid().unwrap_or_default();
        let before = self.known.remove(&uid).flatten();
        let now = guarded.0.as_ref().ok().map(|resource| trace(resource, before.as_ref()));
        self.known.insert(uid, now.clone());
        Heard { changes: Vec::from_iter(change(before, now)), gone: Vec::new() }
    }
}

fn trace(resource: &KafkaSink, before: Option<&Trace>) -> Trace {
    let status = resource.status.as_ref();
    let topics = status.iter().flat_map(|status| &status.topics);
    let same = before.map(|before| &before.spec).filter(|spec| ***spec == resource.spec);
    Trace {
        namespace: resource.namespace(),
        name: resource.name_any(),
        spec: same.map_or_else(|| Arc::new(resource.spec.clone()), Arc::clone),
        is_going: resource.metadata.deletion_timestamp.is_some(),
        observed_generation: status.and_then(|status| status.observed_generation),
        cluster_id: status.and_then(|status| status.binding.as_ref()?.kafka_cluster_id.clone()),
        topics: topics.map(|topic| (topic.name.clone(), topic.id.clone())).collect(),
    }
}

/// One that cannot be read names nothing.
fn change(before: Option<Trace>, now: Option<Trace>) -> Option<Change> {
    if before == now {
        return None;
    }
    let mut specs: Vec<_> = before.iter().chain(&now).map(|trace| Arc::clone(&trace.spec)).collect();
    specs.dedup();
    let Trace { namespace, name, .. } = now.or(before)?;
    Some(Change { namespace, name, specs })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kafkasink_crds::resource::{BindingStatus, ConsumerGroupStatus, TopicStatus};
    use kube::core::DeserializeGuard;
    use kube::core::error_boundary::InvalidObject;

    use super::{Changes, Event, KafkaSink};

    fn sink(name: &str) -> KafkaSink {
        let text = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.name = Some(name.to_owned());
        sink.metadata.uid = Some(format!("uid-of-{name}"));
        sink
    }

    /// Hears of an event and returns how many specs of which resources others are to be measured against, and the uids of
    /// those that are gone.
    fn hear(changes: &mut Changes, event: &Event<KafkaSink>) -> Vec<(String, usize)> {
        let guarded = |sink: &KafkaSink| DeserializeGuard(Ok(sink.clone()));
        let event = match event {
            Event::Init => Event::Init,
            Event::InitDone => Event::InitDone,
            Event::InitApply(sink) => Event::InitApply(guarded(sink)),
            Event::Apply(sink) => Event::Apply(guarded(sink)),
            Event::Delete(sink) => Event::Delete(guarded(sink)),
        };
        let heard = changes.heard(&event);
        let gone = heard.gone.into_iter().map(|uid| (uid, 0));
        heard.changes.into_iter().map(|change| (change.name, change.specs.len())).chain(gone).collect()
    }

    fn check(change: impl FnOnce(&mut KafkaSink), expected: &[(&str, usize)]) {
        let (mut changes, mut sink) = (Changes::default(), sink("a"));
        hear(&mut changes, &Event::Apply(sink.clone()));
        change(&mut sink);
        let heard = hear(&mut changes, &Event::Apply(sink.clone()));
        let heard: Vec<_> = heard.iter().map(|(name, specs)| (name.as_str(), *specs)).collect();
        assert_eq!(heard, expected);
        assert_eq!(hear(&mut changes, &Event::Apply(sink)), [], "the same once more");
    }

    #[test]
    fn a_status_of_lag_and_pods_concerns_nobody_else() {
        check(
            |sink| {
                let status = sink.status.get_or_insert_default();
                status.replicas_ready = Some("1/2".to_owned());
                let id = "plant.a".to_owned();
                status.consumer_group =
                    Some(ConsumerGroupStatus { id, members: None, lag_messages: Some(5), lag_seconds: None });
            },
            &[],
        );
        check(|sink| sink.metadata.resource_version = Some("7".to_owned()), &[]);
    }

    #[test]
    fn what_a_resource_declares_owns_and_belongs_to_concerns_others() {
        check(|sink| sink.spec.reduct_store.bucket.max_block_records = Some(7), &[("a", 2)]);
        check(|sink| sink.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH)), &[("a", 1)]);
        check(|sink| sink.status.get_or_insert_default().observed_generation = Some(2), &[("a", 1)]);
        check(
            |sink| sink.status.get_or_insert_default().topics = vec![TopicStatus::named("cameras")],
            &[("a", 1)],
        );
        let binding =
            BindingStatus { kafka_cluster_id: Some("another".to_owned()), ..BindingStatus::default() };
        check(|sink| sink.status.get_or_insert_default().binding = Some(binding), &[("a", 1)]);
    }

    #[test]
    fn those_that_go_unseen_are_found_by_the_next_list() {
        let mut changes = Changes::default();
        let list = [Event::Init, Event::InitApply(sink("a")), Event::InitApply(sink("b")), Event::InitDone];
        for event in &list {
            hear(&mut changes, event);
        }
        hear(&mut changes, &Event::Apply(sink("c")));
        let gone = |name: &str| [(name.to_owned(), 1), (format!("uid-of-{name}"), 0)];
        assert_eq!(hear(&mut changes, &Event::Delete(sink("c"))), gone("c"));
        let again = [Event::Init, Event::InitApply(sink("a")), Event::InitDone];
        let heard: Vec<_> = again.iter().flat_map(|event| hear(&mut changes, event)).collect();
        assert_eq!(heard, gone("b"));
    }

    #[test]
    fn one_that_cannot_be_read_any_more_lets_go_of_what_it_named() {
        let (mut changes, sink) = (Changes::default(), sink("a"));
        hear(&mut changes, &Event::Apply(sink.clone()));
        let error = InvalidObject { error: "why".to_owned(), metadata: sink.metadata };
        let event = Event::Apply(DeserializeGuard(Err(error)));
        assert_eq!(changes.heard(&event).changes.len(), 1);
        assert_eq!(changes.heard(&event).changes.len(), 0);
        let heard = [Event::Init, Event::InitDone].iter().flat_map(|listed| hear(&mut changes, listed));
        assert_eq!(heard.collect::<Vec<_>>(), [("uid-of-a".to_owned(), 0)]);
    }
}
