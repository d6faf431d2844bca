//! IO: Kubernetes, Kafka. The end of a resource. Everything in Kubernetes goes by owner references; only topics with
//! `deletionPolicy: Delete` need us, and only then does the resource carry a finalizer.
//!
//! A topic is deleted only if this resource created it, it still has the id it had then, no other resource names it, and
//! no message in it waits to be stored. In doubt it stays.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kafkasink_crds::resource::{DeletionPolicy, KafkaSink};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::time::Instant;

use crate::access;
use crate::context::Context;
use crate::deletion::{Fate, fate};
use crate::desired::selector;
use crate::events::Notice;
use crate::fetch::{self, kafka_query};
use crate::kubernetes::{FIELD_MANAGER, KubernetesError, call};
use crate::model::{Neighbour, Problem, ValidatedSink};
use crate::ownership::other_user;
use crate::publish::publish;
use crate::requeue::Next;
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
    let fetched = fetch::kafka_values(context, resource).await?;
    let sink = validate(resource, &fetched, &context.runtime_image);
    let notices = match sink {
        Ok(_) if pods_remain => {
            vec![retained("pods of the sink do not stop")]
        }
        Err(problem) => vec![retained(&problem.message)],
        Ok(sink) => match delete_topics(context, &sink, resource, &fetched.neighbours).await {
            Ok(notices) => notices,
            Err(problem) if is_patient(resource, now) => {
                publish(context, resource, vec![Notice::warning("DeletionBlocked", problem.message)]).await;
                return Ok(Next::Failed);
            }
            Err(problem) => vec![retained(&problem.message)],
        },
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
    Notice::warning("TopicRetained", format!("the topics are kept: {why}"))
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

async fn delete_topics(
    context: &Context,
    sink: &ValidatedSink,
    resource: &KafkaSink,
    neighbours: &[Neighbour],
) -> Result<Vec<Notice>, Problem> {
    let admin =
        context.connections.get(&sink.connection(), Instant::now()).map_err(|error| error.problem())?;
    let kafka = admin.observe(kafka_query(sink)).await.map_err(|error| error.problem())?;
    let kafka = recognise(resource, sink, kafka)?;
    // What we may not see is not gone.
    if let Some(problem) = access::problem(sink, &kafka) {
        return Err(problem);
    }
    let known = resource.status.as_ref().map_or(&[][..], |status| &status.topics);
    let mut notices = Vec::new();
    for topic in sink.topics.iter().filter(|topic| topic.deletion == DeletionPolicy::Delete) {
        let name = &topic.name;
        let user = other_user(name, &resource.spec.kafka, &kafka.cluster_id, neighbours);
        match fate(name, sink, known, &kafka, user.as_deref()) {
            Fate::Gone => {}
            Fate::Keep { reason, why } => {
                notices.push(Notice::warning(reason, format!("topic {name} is kept: {why}")));
            }
            Fate::Delete => {
                if let Some(over) = context.term.over() {
                    return Err(over);
                }
                admin.delete_topic(name).await.map_err(|error| error.problem())?;
                notices.push(Notice::normal("TopicDeleted", format!("deleted topic {name}")));
            }
        }
    }
    Ok(notices)
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
