//! IO: Kubernetes. Watches resources and what belongs to them, and reconciles each of them, a few at a time.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkSpec};
use kube::api::{ListParams, PartialObjectMeta};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::controller::{self, Action, Config, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::desired::MANAGED_BY;
use crate::kubernetes::{KubernetesError, call};
use crate::malformed;
use crate::metrics::Outcome;
use crate::reconcile::{ReconcileError, reconcile};
use crate::requeue::Next;
use crate::telemetry::chain;
use crate::{finalizer, references, requeue};

/// A resource, or why it cannot be read: one that cannot must not stop the others.
pub(crate) type Guarded = DeserializeGuard<KafkaSink>;

/// How often it is asked whether the definition has come.
const DEFINITION_PAUSE: Duration = Duration::from_secs(2);

/// Longest reconciliation; every request in it has a shorter time-out of its own.
const RECONCILE_MAX: Duration = Duration::from_mins(2);

/// What is watched, and how much of it is worked on at the same time.
pub(crate) struct Watch {
    /// The only namespace; `None` means all.
    pub(crate) namespace: Option<String>,
    /// Most reconciliations at the same time.
    pub(crate) concurrency: u16,
}

impl Watch {
    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match &self.namespace {
            Some(namespace) => Api::namespaced(client.clone(), namespace),
            None => Api::all(client.clone()),
        }
    }

    /// Only metadata is kept in memory: it tells that something changed, and that is all a watch is for.
    fn metadata<K>(&self, client: &Client) -> Api<PartialObjectMeta<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        self.api(client)
    }
}

/// Reconciles until `stop`.
pub(crate) async fn run(context: Arc<Context>, watch: &Watch, stop: CancellationToken) {
    tracing::info!("watches kafkasinks");
    controller(&context.client, watch)
        .graceful_shutdown_on(stop.cancelled_owned())
        .run(reconcile_guarded, on_error, context)
        .for_each(async |outcome| {
            // A reconciliation that failed has told so itself.
            if let Err(controller::Error::QueueError(error)) = outcome {
                tracing::warn!(error = chain(&error), "a watch failed, starting it again");
            }
        })
        .await;
}

fn controller(client: &Client, watch: &Watch) -> Controller<Guarded> {
    let ours = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let controller = Controller::new(watch.api::<Guarded>(client), watcher::Config::default());
    let all = watcher::Config::default();
    let secrets = users_of::<Secret>(controller.store(), references::names_secret);
    let config_maps = users_of::<ConfigMap>(controller.store(), references::names_config_map);
    controller
        .with_config(Config::default().concurrency(watch.concurrency))
        .owns(watch.metadata::<StatefulSet>(client), ours.clone())
        .owns(watch.metadata::<Service>(client), ours.clone())
        .owns(watch.metadata::<ServiceAccount>(client), ours.clone())
        .owns(watch.metadata::<ConfigMap>(client), ours.clone())
        .owns(watch.metadata::<PodDisruptionBudget>(client), ours)
        .watches(watch.metadata::<Secret>(client), all.clone(), secrets)
        .watches(watch.metadata::<ConfigMap>(client), all, config_maps)
}

/// Returns a function that finds the resources which refer to an object; of the object nothing but its name is known.
fn users_of<K>(
    sinks: Store<Guarded>,
    names: fn(&KafkaSinkSpec, &str) -> bool,
) -> impl Fn(PartialObjectMeta<K>) -> Vec<ObjectRef<Guarded>>
where
    K: Resource<DynamicType = ()>,
{
    move |object| {
        let (namespace, name) = (object.namespace(), object.name_any());
        let refers = |sink: &Guarded| {
            sink.namespace() == namespace && sink.0.as_ref().is_ok_and(|sink| names(&sink.spec, &name))
        };
        let users = sinks.state().into_iter().filter(|sink| refers(sink));
        users.map(|sink| ObjectRef::from_obj(&*sink)).collect()
    }
}

/// Waits until the API server serves `KafkaSink`s and lets us list them.
///
/// The controller's own cache is not asked whether it is filled: of two tasks that wait for that only one is woken,
/// and the other one is the controller.
pub(crate) async fn until_defined(client: &Client, watch: &Watch) {
    let sinks = watch.api::<KafkaSink>(client);
    let one = ListParams::default().limit(1);
    let mut ticks = tokio::time::interval(DEFINITION_PAUSE);
    let mut told = String::new();
    loop {
        ticks.tick().await;
        let news = match call("list kafkasinks", sinks.list_metadata(&one)).await {
            Ok(_) => return,
            Err(error) if error.is_not_found() => "it is not installed".to_owned(),
            Err(error) => chain(&error),
        };
        if news != told {
            tracing::warn!(reason = news, "waits for the definition kafkasinks.kafkasink.dev");
            told = news;
        }
    }
}

async fn reconcile_guarded(guarded: Arc<Guarded>, context: Arc<Context>) -> Result<Action, ReconcileError> {
    let begun = Instant::now();
    context.metrics.begun();
    let work = reconcile_or_clean_up(&guarded, &context);
    let outcome = tokio::time::timeout(RECONCILE_MAX, work).await.unwrap_or_else(|_| {
        let attempt = format!("reconcile {}", guarded.name_any());
        Err(ReconcileError::Kubernetes(KubernetesError::TimedOut { attempt, limit: RECONCILE_MAX }))
    });
    let label = match &outcome {
        Ok(Next::Healthy | Next::Refused) => Outcome::Success,
        Ok(Next::Rolling | Next::Failed) => Outcome::Requeue,
        Err(_) => Outcome::Error,
    };
    context.metrics.ended(label, begun.elapsed());
    let uid = guarded.uid().unwrap_or_default();
    outcome.map(|next| Action::requeue(context.requeue.after(&uid, next)))
}

async fn reconcile_or_clean_up(guarded: &Guarded, context: &Context) -> Result<Next, ReconcileError> {
    let namespace = guarded.namespace().unwrap_or_default();
    // The cached resource may be older than what we wrote ourselves.
    let sinks: Api<Guarded> = Api::namespaced(context.client.clone(), &namespace);
    let name = guarded.name_any();
    if let Some(found) = newest(&sinks, &name).await? {
        // It has grown too large for the stack of whoever waits for it.
        let outcome = Box::pin(work_on(context, found)).await;
        // It may go while it is worked on; then nobody waits for what could not be written to it.
        let is_gone = matches!(&outcome, Err(ReconcileError::Kubernetes(error)) if error.is_not_found());
        if !is_gone || newest(&sinks, &name).await?.is_some() {
            return outcome;
        }
    }
    forget(context, &guarded.uid().unwrap_or_default());
    Ok(Next::Healthy)
}

async fn newest(sinks: &Api<Guarded>, name: &str) -> Result<Option<Guarded>, ReconcileError> {
    let answer = call(format!("read KafkaSink {name}"), sinks.get_opt(name)).await;
    answer.map_err(ReconcileError::Kubernetes)
}

async fn work_on(context: &Context, DeserializeGuard(newest): Guarded) -> Result<Next, ReconcileError> {
    let now = Timestamp::now();
    match newest {
        Err(error) => {
            malformed::report(&context.client, &error, now).await.map_err(ReconcileError::Kubernetes)
        }
        Ok(sink) if sink.metadata.deletion_timestamp.is_some() => {
            let next = finalizer::clean_up(context, &sink, now).await.map_err(ReconcileError::Kubernetes)?;
            forget(context, &sink.uid().unwrap_or_default());
            Ok(next)
        }
        Ok(sink) => reconcile(context, &sink, now).await,
    }
}

fn forget(context: &Context, uid: &str) {
    context.requeue.forget(uid);
    context.lag_pace.forget(uid);
    context.memory.forget(uid);
    context.age_memory.forget(uid);
    context.metrics.forget(uid);
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that kube's controller asks for")]
fn on_error(guarded: Arc<Guarded>, error: &ReconcileError, context: Arc<Context>) -> Action {
    let (namespace, sink) = (guarded.namespace().unwrap_or_default(), guarded.name_any());
    tracing::warn!(namespace, sink, error = chain(error), "reconciliation failed, trying again");
    let uid = guarded.uid().unwrap_or_default();
    Action::requeue(context.requeue.after(&uid, requeue::Next::Failed))
}
