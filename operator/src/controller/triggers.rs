//! IO: Kubernetes. What makes a resource be looked at: its spec or annotations change, or an object of its own does, or one that it refers to, or
//! another resource that concerns it. Each watch that fails begins again by itself, and holds up no other.

use std::fmt::Debug;
use std::sync::Arc;

use futures::stream::{self, BoxStream};
use futures::{Stream, StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kafkasink_crds::resource::KafkaSinkSpec;
use kube::api::PartialObjectMeta;
use kube::core::NamespaceResourceScope;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{Predicate, PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::scope::Scope;
use crate::context::Context;
use crate::desired::{MANAGED_BY, SINK_LABEL};
use crate::neighbours::{Guarded, Member};
use crate::references;

/// Resources that are to be looked at, and watches that failed.
pub(super) type Triggers = BoxStream<'static, Result<ObjectRef<Guarded>, watcher::Error>>;

/// Returns what is watched of a scope and what makes its resources be looked at. The one's cache fills while the other is
/// polled.
pub(super) fn triggers(context: &Arc<Context>, scope: &Scope) -> (Arc<Member>, Triggers) {
    let (client, neighbours) = (&context.client, &context.neighbours);
    let (cache, writer) = reflector::store();
    let member = neighbours.join(scope.raw(client), cache.clone());
    let woken = stream::unfold(Arc::clone(&member), async |sleeper| {
        let resources = sleeper.woken().await;
        Some((stream::iter(resources), sleeper))
    });
    let (shared, heard) = (Arc::clone(context), Arc::clone(&member));
    let resources = watcher(scope.api::<Guarded>(client), watcher::Config::default())
        .default_backoff()
        .reflect(writer)
        .inspect_ok(move |event| {
            shared.neighbours.heard(&heard, event).iter().for_each(|gone| shared.forget(gone));
        })
        .applied_objects()
        // Not what we write ourselves: a status that differs each time would be written again and again.
        .predicate_filter(predicates::generation.combine(predicates::annotations), PredicateConfig::default())
        .map_ok(|resource| ObjectRef::from_obj(&resource));
    let triggers = vec![
        resources.boxed(),
        woken.flatten().map(Ok).boxed(),
        owned::<StatefulSet>(context, scope, &cache),
        owned::<Service>(context, scope, &cache),
        owned::<ServiceAccount>(context, scope, &cache),
        owned::<ConfigMap>(context, scope, &cache),
        owned::<PodDisruptionBudget>(context, scope, &cache),
        referred::<Secret>(client, scope, cache.clone(), references::names_secret),
        referred::<ConfigMap>(client, scope, cache.clone(), references::names_config_map),
    ];
    (member, stream::select_all(triggers).boxed())
}

/// Looks at the owners of objects of ours that change or go, and remembers that they did. One from which somebody took its
/// owner is its sink's by its label.
fn owned<K>(context: &Arc<Context>, scope: &Scope, cache: &Store<Guarded>) -> Triggers
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    PartialObjectMeta<K>: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let ours = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let objects = scope.metadata::<K>(&context.client);
    let (shared, context, cache) = (Arc::clone(context), Arc::clone(context), cache.clone());
    let mut was_listed = false;
    let events = watcher(objects, ours).default_backoff().inspect_ok(move |event| {
        // What goes before the list is made, nobody tells of; a look before that does not see it either. A list that is
        // refused is begun again and again: that is no news.
        let is_listed = match event {
            watcher::Event::Init => false,
            watcher::Event::InitDone => true,
            watcher::Event::Apply(_) | watcher::Event::Delete(_) | watcher::Event::InitApply(_) => return,
        };
        if was_listed || is_listed {
            shared.memory.relisted();
        }
        was_listed = is_listed;
    });
    looked_at(events, move |object| {
        let (namespace, owners) = (object.namespace(), object.owner_references());
        let told = |owner: &OwnerReference| {
            let resource = ObjectRef::from_owner_ref(namespace.as_deref(), owner, ())?;
            context.memory.told(&owner.uid);
            Some(resource)
        };
        let owners: Vec<_> = owners.iter().filter_map(told).collect();
        if !owners.is_empty() {
            return owners;
        }
        let sink = labelled_sink(object).and_then(|sink| cache.get(&sink));
        sink.into_iter()
            .map(|sink| {
                context.memory.told(&sink.uid().unwrap_or_default());
                ObjectRef::from_obj(&*sink)
            })
            .collect()
    })
}

/// The sink whose label an object carries.
fn labelled_sink(object: &impl ResourceExt) -> Option<ObjectRef<Guarded>> {
    let name = object.labels().get(SINK_LABEL)?;
    Some(ObjectRef::new(name).within(&object.namespace()?))
}

/// Looks at the resources that refer to an object which changes or goes; of the object nothing but its name is known.
fn referred<K>(
    client: &Client,
    scope: &Scope,
    cache: Store<Guarded>,
    names: fn(&KafkaSinkSpec, &str) -> bool,
) -> Triggers
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    PartialObjectMeta<K>: Clone + Debug + DeserializeOwned + Send + 'static,
{
    let events = watcher(scope.metadata::<K>(client), watcher::Config::default()).default_backoff();
    looked_at(events, move |object| {
        let (namespace, name) = (object.namespace(), object.name_any());
        let refers = |sink: &Guarded| {
            sink.namespace() == namespace && sink.0.as_ref().is_ok_and(|sink| names(&sink.spec, &name))
        };
        let users = cache.state().into_iter().filter(|sink| refers(sink));
        users.map(|sink| ObjectRef::from_obj(&*sink)).collect()
    })
}

fn looked_at<K>(
    events: impl Stream<Item = watcher::Result<watcher::Event<PartialObjectMeta<K>>>> + Send + 'static,
    resources: impl Fn(&PartialObjectMeta<K>) -> Vec<ObjectRef<Guarded>> + Send + 'static,
) -> Triggers
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    PartialObjectMeta<K>: Clone + Debug + DeserializeOwned + Send + 'static,
{
    events
        .touched_objects()
        .map_ok(move |object| stream::iter(resources(&object)).map(Ok::<_, watcher::Error>))
        .try_flatten()
        .boxed()
}
