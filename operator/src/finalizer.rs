//! IO: Kubernetes, Kafka. The end of a resource. Everything in Kubernetes goes by owner references; only topics with
//! `deletionPolicy: Delete` need us, and only then does the resource carry a finalizer.
//!
//! A topic is deleted only if this resource created it, it still has the id it had then, no other resource names it, and
//! no message in it waits to be stored. In doubt it stays.

use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kafkasink_crds::resource::{DeletionPolicy, KafkaSink, Reason};
use kafkasink_crds::topic_name::TopicName;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use crate::context::Context;
use crate::deletion::{Fate, fate};
use crate::desired::selector;
use crate::events::Notice;
use crate::fetch::{self, kafka_query};
use crate::kafka::KafkaAdmin;
use crate::kubernetes::{FIELD_MANAGER, KubernetesError, call};
use crate::model::{Fetched, KafkaView, Problem, ValidatedSink};
use crate::ownership::{other_user, possible_user};
use crate::publish::publish;
use crate::requeue::Next;
use crate::telemetry::chain;
use crate::validate::{recognise, validate};

/// The finalizer; it is there only while a topic may have to be deleted.
const FINALIZER: &str = "kafkasink.dev/topics";

/// How long brokers that do not answer may hold a deletion up.
const PATIENCE: SignedDuration = SignedDuration::from_mins(10);

/// Adds or removes the finalizer as the topics' deletion policies ask for.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn keep_in_step(client: &Client, resource: &KafkaSink) -> Result<(), KubernetesError> {
    let wanted =
        resource.spec.topics.iter().any(|topic| topic.deletion_policy == Some(DeletionPolicy::Delete));
    if wanted == is_held(&resource.metadata) {
        return Ok(());
    }
    set(client, &resource.metadata, wanted).await
}

/// Carries out what a deleted resource asked for, then lets it go.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn clean_up(
    context: &Context,
    resource: &KafkaSink,
    now: Timestamp,
) -> Result<Next, KubernetesError> {
    if !is_held(&resource.metadata) {
        return Ok(Next::Healthy);
    }
    let pods_remain = pods_remain(&context.client, resource).await?;
    if pods_remain && is_patient(resource, now) {
        return Ok(Next::Rolling);
    }
    // The store's tokens do not matter any more, and neither do objects of others.
    let fetched = match fetch::kafka_values(context, resource).await {
        Ok(fetched) => fetched,
        Err(error) if is_patient(resource, now) => return Err(error),
        // Above all a namespace whose resources may not be listed: one of them may name the topics.
        Err(error) => {
            publish(context, resource, vec![retained(&chain(&error))]).await;
            set(&context.client, &resource.metadata, false).await?;
            return Ok(Next::Healthy);
        }
    };
    let sink = validate(resource, &fetched, &context.runtime_image);
    let notices = match sink {
        Ok(_) if pods_remain => {
            vec![retained("pods of the sink do not stop")]
        }
        Err(problem) => vec![retained(&problem.message)],
        Ok(sink) => {
            let (mut notices, problem) = delete_topics(context, &sink, resource, &fetched).await;
            match problem {
                None => {}
                Some(problem) if is_patient(resource, now) => {
                    notices.push(Notice::warning("DeletionBlocked", problem.message));
                    publish(context, resource, notices).await;
                    return Ok(Next::Failed);
                }
                Some(problem) => notices.push(retained(&problem.message)),
            }
            notices
        }
    };
    publish(context, resource, notices).await;
    set(&context.client, &resource.metadata, false).await?;
    Ok(Next::Healthy)
}

/// Lets a resource go as it is; every topic stays.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn release(client: &Client, metadata: &ObjectMeta) -> Result<(), KubernetesError> {
    if is_held(metadata) { set(client, metadata, false).await } else { Ok(()) }
}

fn is_held(metadata: &ObjectMeta) -> bool {
    metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER)
}

fn is_patient(resource: &KafkaSink, now: Timestamp) -> bool {
    let since = resource.metadata.deletion_timestamp.as_ref();
    since.is_some_and(|since| now.duration_since(since.0) < PATIENCE)
}

fn retained(why: &str) -> Notice {
    Notice::warning("TopicRetained", format!("the topics that are left are kept: {why}"))
}

/// Stops the pods and tells whether any is left.
async fn pods_remain(client: &Client, resource: &KafkaSink) -> Result<bool, KubernetesError> {
    let namespace = resource.namespace().unwrap_or_default();
    let sink = resource.name_any();
    let ours = ListParams::default().labels(&selector(&sink));
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), &namespace);
    for set in call("list the sink's StatefulSets", sets.list_metadata(&ours)).await? {
        let (name, parameters) = (set.name_any(), DeleteParams::default());
        match call(format!("delete StatefulSet {name}"), sets.delete(&name, &parameters)).await {
            Err(error) if !error.is_not_found() => return Err(error),
            Ok(_) | Err(_) => {}
        }
    }
    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
    Ok(!call("list the sink's pods", pods.list_metadata(&ours)).await?.items.is_empty())
}

/// Deletes what may go, and returns what became of each topic, also where something kept it from the others.
async fn delete_topics(
    context: &Context,
    sink: &ValidatedSink,
    resource: &KafkaSink,
    fetched: &Fetched,
) -> (Vec<Notice>, Option<Problem>) {
    let mut outcome = Outcome::default();
    let (admin, kafka) = match look(context, sink, resource).await {
        Ok(seen) => seen,
        Err(problem) => return (outcome.notices, Some(problem)),
    };
    let known = resource.status.as_ref().map_or(&[][..], |status| &status.topics);
    for topic in sink.topics.iter().filter(|topic| topic.deletion == DeletionPolicy::Delete) {
        let name = &topic.name;
        let used = use_of(name, resource, &kafka, fetched);
        match fate(name, sink, known, &kafka, used.as_deref()) {
            Fate::Gone => {}
            Fate::Undecided(problem) => {
                outcome.problem.get_or_insert(problem);
            }
            Fate::Keep { reason, why } => {
                outcome.notices.push(Notice::warning(reason, format!("topic {name} is kept: {why}")));
            }
            Fate::Delete => {
                let ended = match context.term.over() {
                    Some(over) => Err(over),
                    None => admin.delete_topic(name).await.map_err(|error| error.problem()),
                };
                if outcome.tried(name, ended).is_break() {
                    break;
                }
            }
        }
    }
    (outcome.notices, outcome.problem)
}

async fn look(
    context: &Context,
    sink: &ValidatedSink,
    resource: &KafkaSink,
) -> Result<(Arc<KafkaAdmin>, KafkaView), Problem> {
    let admin =
        context.connections.get(&sink.connection(), Instant::now()).map_err(|error| error.problem())?;
    let kafka = admin.observe(kafka_query(sink)).await.map_err(|error| error.problem())?;
    Ok((admin, recognise(resource, sink, kafka)?))
}

/// Returns which other resource uses a topic, or may do so.
fn use_of(name: &TopicName, resource: &KafkaSink, kafka: &KafkaView, fetched: &Fetched) -> Option<String> {
    let named = other_user(name, &resource.spec.kafka, &kafka.cluster_id, &fetched.neighbours);
    let named = named.map(|other| format!("KafkaSink {other} names it too"));
    named.or_else(|| {
        let other = possible_user(name, &fetched.unreadable)?;
        Some(format!("KafkaSink {other}, which cannot be read, may name it too"))
    })
}

/// What became of topics.
#[derive(Default)]
struct Outcome {
    notices: Vec<Notice>,
    /// The first deletion that failed.
    problem: Option<Problem>,
}

impl Outcome {
    /// Notes how a deletion ended. What fails for one topic is a problem of this one, unless it would fail for all.
    fn tried(&mut self, name: &TopicName, ended: Result<(), Problem>) -> ControlFlow<()> {
        match ended {
            Ok(()) => {
                self.notices.push(Notice::normal("TopicDeleted", format!("deleted topic {name}")));
                ControlFlow::Continue(())
            }
            Err(problem) => {
                let is_end = [Reason::KafkaUnreachable, Reason::Progressing].contains(&problem.reason);
                self.problem.get_or_insert(problem);
                if is_end { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            }
        }
    }
}

async fn set(client: &Client, metadata: &ObjectMeta, held: bool) -> Result<(), KubernetesError> {
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let sinks: Api<KafkaSink> = Api::namespaced(client.clone(), namespace);
    let others = metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER).cloned();
    let finalizers: Vec<String> = others.chain(held.then(|| FINALIZER.to_owned())).collect();
    // The resource version makes the API server refuse a list that somebody else has changed meanwhile.
    let patch = Patch::Merge(json!({
        "metadata": { "finalizers": finalizers, "resourceVersion": metadata.resource_version },
    }));
    let parameters = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let name = metadata.name.as_deref().unwrap_or_default();
    call("set the finalizer", sinks.patch_metadata(name, &parameters, &patch)).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::{Outcome, Problem, Reason, TopicName};

    /// Deletes the topics `a`, `b` and `c`, of which `b` is refused for this reason.
    fn check(reason: Reason, expected: &[&str]) {
        let mut outcome = Outcome::default();
        for name in ["a", "b", "c"] {
            let refused = Problem::new(reason, name);
            let ended = if name == "b" { Err(refused) } else { Ok(()) };
            if outcome.tried(&TopicName::parse(name).unwrap(), ended).is_break() {
                break;
            }
        }
        assert_eq!(outcome.problem, Some(Problem::new(reason, "b")));
        assert_eq!(outcome.notices.iter().map(|notice| notice.note.as_str()).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn tells_of_what_is_deleted_although_another_topic_cannot_be() {
        check(Reason::AuthorizationFailed, &["deleted topic a", "deleted topic c"]);
        check(Reason::KafkaUnreachable, &["deleted topic a"]);
    }
}
