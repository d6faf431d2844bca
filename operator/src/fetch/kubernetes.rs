//! IO: Kubernetes. Reads what a resource refers to and what already exists of it.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kafkasink_crds::resource::KafkaSink;
use kube::api::PartialObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::values::Values;
use crate::context::Context;
use crate::kubernetes::{KubernetesError, call};
use crate::memory;
use crate::model::{Fetched, WorkloadView};
use crate::names::SinkNames;

/// Reads everything about a resource that stands in Kubernetes.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn fetch(context: &Context, sink: &KafkaSink) -> Result<Fetched, KubernetesError> {
    let client = &context.client;
    let namespace = sink.namespace().unwrap_or_default();
    let values = Values::new(client, &namespace);
    let mut fetched = values.of_store(&sink.spec.reduct_store).await?;
    fetched.kafka = values.of_kafka(&sink.spec.kafka).await?;
    fetched.neighbours = context.neighbours.of(sink).await?;
    // A name that no object could carry is refused by the next step.
    if let (Ok(names), Some(uid)) = (SinkNames::parse(&sink.name_any()), sink.uid()) {
        fetched.workload = workload(client, &namespace, &names).await?;
        // What was applied once is ours.
        if !context.memory.knows(&uid) {
            for (owner, label) in not_ours(client, &namespace, &names, &uid).await? {
                match owner {
                    Owner::Foreign => fetched.foreign.push(label),
                    Owner::Predecessor => fetched.leftover.push(label),
                }
            }
        }
    }
    Ok(fetched)
}

/// Reads only what is needed to reach a sink's brokers, and who else names its topics.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn kafka_values(context: &Context, sink: &KafkaSink) -> Result<Fetched, KubernetesError> {
    let values = Values::new(&context.client, &sink.namespace().unwrap_or_default());
    let kafka = values.of_kafka(&sink.spec.kafka).await?;
    let (neighbours, unreadable) = context.neighbours.listed(sink).await?;
    Ok(Fetched { kafka, neighbours, unreadable, ..Fetched::default() })
}

/// Reads how the pods of a sink are; `None` where there never were any.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn workload(
    client: &Client,
    namespace: &str,
    names: &SinkNames,
) -> Result<Option<WorkloadView>, KubernetesError> {
    let sets: Api<StatefulSet> = Api::namespaced(client.clone(), namespace);
    let set = call(format!("read StatefulSet {}", names.base()), sets.get_opt(names.base())).await?;
    Ok(set.as_ref().map(view))
}

fn view(set: &StatefulSet) -> WorkloadView {
    let count = |number: Option<i32>| u32::try_from(number.unwrap_or(0)).unwrap_or(0);
    let desired = count(set.spec.as_ref().and_then(|spec| spec.replicas));
    let version = memory::version(&set.metadata);
    let Some(status) = &set.status else {
        return WorkloadView { desired, version, ..WorkloadView::default() };
    };
    let seen = status.observed_generation == set.metadata.generation;
    let newest =
        status.current_revision == status.update_revision || count(status.updated_replicas) == desired;
    WorkloadView {
        desired,
        existing: count(Some(status.replicas)),
        ready: count(status.ready_replicas),
        settled: seen && newest,
        version,
    }
}

/// Objects that carry our names and do not belong to this resource: they are never taken over.
async fn not_ours(
    client: &Client,
    namespace: &str,
    names: &SinkNames,
    uid: &str,
) -> Result<Vec<(Owner, String)>, KubernetesError> {
    let (base, members) = (names.base(), names.members());
    let found = [
        object_of_others::<StatefulSet>(client, namespace, base, uid).await?,
        object_of_others::<Service>(client, namespace, base, uid).await?,
        object_of_others::<ServiceAccount>(client, namespace, base, uid).await?,
        object_of_others::<PodDisruptionBudget>(client, namespace, base, uid).await?,
        object_of_others::<ConfigMap>(client, namespace, &members, uid).await?,
    ];
    Ok(found.into_iter().flatten().collect())
}

/// Whose an object is that is not this resource's.
enum Owner {
    /// Somebody else's.
    Foreign,
    /// A sink's of the same name that was deleted.
    Predecessor,
}

async fn object_of_others<K>(
    client: &Client,
    namespace: &str,
    name: &str,
    uid: &str,
) -> Result<Option<(Owner, String)>, KubernetesError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + DeserializeOwned
        + Clone
        + std::fmt::Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let label = format!("{} {name}", K::kind(&()));
    let object: Option<PartialObjectMeta<K>> =
        call(format!("read {label}"), api.get_metadata_opt(name)).await?;
    let Some(object) = object else { return Ok(None) };
    let owners = object.owner_references();
    if owners.iter().any(|owner| owner.uid == uid) {
        return Ok(None);
    }
    let group = KafkaSink::group(&());
    let is_sink = |kind: &str, version: &str| {
        kind == KafkaSink::kind(&()) && version.split_once('/').is_some_and(|(of, _)| of == group)
    };
    let predecessor = owners.iter().any(|owner| is_sink(&owner.kind, &owner.api_version));
    Ok(Some((if predecessor { Owner::Predecessor } else { Owner::Foreign }, label)))
}
