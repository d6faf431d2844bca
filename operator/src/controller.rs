//! IO: Kubernetes. Watches resources and what belongs to them, and reconciles each of them, a few at a time.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Secret, Service, ServiceAccount};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkSpec};
use kube::api::{ListParams, PartialObjectMeta};
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::runtime::controller::{self, Action, Controller};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::watcher;
use kube::{Api, Client, Resource, ResourceExt};
use tokio::sync::Semaphore;
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
use crate::{finalizer, neighbours, references, requeue};

/// A resource, or why it cannot be read: one that cannot must not stop the others.
pub(crate) type Guarded = DeserializeGuard<KafkaSink>;

/// How often it is asked whether the definition has come.
const DEFINITION_PAUSE: Duration = Duration::from_secs(2);

/// Longest reconciliation; every request in it has a shorter time-out of its own.
const RECONCILE_MAX: Duration = Duration::from_mins(2);

/// What is watched, and how much of it is worked on at the same time.
pub(crate) struct Watch {
    scopes: Vec<Scope>,
    concurrency: u16,
}

/// Where one controller looks for resources.
enum Scope {
    All,
    Namespace(String),
}

impl Watch {
    /// Watches these namespaces, all where none is named, with so many reconciliations at the same time.
    pub(crate) fn new(namespaces: Vec<String>, concurrency: u16) -> Self {
        let distinct: BTreeSet<_> = namespaces.into_iter().collect();
        let mut scopes: Vec<_> = distinct.into_iter().map(Scope::Namespace).collect();
        if scopes.is_empty() {
            scopes.push(Scope::All);
        }
        Self { scopes, concurrency }
    }
}

impl Scope {
    fn api<K>(&self, client: &Client) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        match self {
            Self::Namespace(namespace) => Api::namespaced(client.clone(), namespace),
            Self::All => Api::all(client.clone()),
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

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("all namespaces"),
            Self::Namespace(namespace) => write!(formatter, "namespace {namespace}"),
        }
    }
}

/// Reconciles until `stop`.
pub(crate) async fn run(context: Arc<Context>, watch: &Watch, stop: CancellationToken) {
    context.metrics.set_concurrency(watch.concurrency);
    let turns = Arc::new(Turns { free: Semaphore::new(watch.concurrency.into()), stop: stop.clone() });
    let controllers = watch.scopes.iter().map(|scope| {
        tracing::info!(%scope, "watches kafkasinks");
        let turns = Arc::clone(&turns);
        let in_turn = move |guarded, shared| reconcile_in_turn(Arc::clone(&turns), guarded, shared);
        let controller = controller(&context, scope);
        context.neighbours.add(scope.api(&context.client), controller.store());
        controller
            .graceful_shutdown_on(stop.clone().cancelled_owned())
            .run(in_turn, on_error, Arc::clone(&context))
            .boxed()
    });
    stream::select_all(controllers)
        .for_each(async |outcome| {
            match outcome {
                Err(controller::Error::QueueError(error)) => {
                    tracing::warn!(error = chain(&error), "a watch failed, starting it again");
                }
                // A resource that goes at once is not reconciled any more.
                Err(controller::Error::ObjectNotFound(gone)) => {
                    forget(&context, gone.extra.uid.as_deref().unwrap_or_default());
                }
                // A reconciliation that failed has told so itself.
                Err(_) | Ok(_) => {}
            }
        })
        .await;
}

fn controller(context: &Arc<Context>, scope: &Scope) -> Controller<Guarded> {
    let client = &context.client;
    let ours = watcher::Config::default().labels(&format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    let controller = Controller::new(scope.api::<Guarded>(client), watcher::Config::default());
    let all = watcher::Config::default();
    let secrets = users_of::<Secret>(controller.store(), references::names_secret);
    let config_maps = users_of::<ConfigMap>(controller.store(), references::names_config_map);
    let neighbours = neighbours_of(controller.store());
    controller
        .watches(scope.metadata::<StatefulSet>(client), ours.clone(), owners_of(context))
        .watches(scope.metadata::<Service>(client), ours.clone(), owners_of(context))
        .watches(scope.metadata::<ServiceAccount>(client), ours.clone(), owners_of(context))
        .watches(scope.metadata::<ConfigMap>(client), ours.clone(), owners_of(context))
        .watches(scope.metadata::<PodDisruptionBudget>(client), ours, owners_of(context))
        .watches(scope.metadata::<Secret>(client), all.clone(), secrets)
        .watches(scope.metadata::<ConfigMap>(client), all.clone(), config_maps)
        .watches(scope.api::<Guarded>(client), all, neighbours)
}

/// Returns a function that finds the resource that an object belongs to, and remembers that it changed.
fn owners_of<K>(context: &Arc<Context>) -> impl Fn(PartialObjectMeta<K>) -> Vec<ObjectRef<Guarded>> + use<K>
where
    K: Resource<DynamicType = ()>,
{
    let context = Arc::clone(context);
    move |object| {
        let namespace = object.namespace().unwrap_or_default();
        let is_sink = |owner: &&OwnerReference| {
            owner.kind == KafkaSink::kind(&()) && owner.api_version == KafkaSink::api_version(&())
        };
        let owners = object.owner_references().iter().filter(is_sink);
        let found = owners.map(|owner| {
            context.memory.told(&owner.uid);
            ObjectRef::new(&owner.name).within(&namespace)
        });
        found.collect()
    }
}

/// Returns a function that finds the resources that another one concerns, which was changed or deleted.
fn neighbours_of(sinks: Store<Guarded>) -> impl Fn(Guarded) -> Vec<ObjectRef<Guarded>> {
    move |changed| changed.0.map(|changed| neighbours::affected(&sinks, &changed)).unwrap_or_default()
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
    for scope in &watch.scopes {
        until_listed(client, scope).await;
    }
}

async fn until_listed(client: &Client, scope: &Scope) {
    let sinks = scope.api::<KafkaSink>(client);
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
            tracing::warn!(%scope, reason = news, "waits for the definition kafkasinks.kafkasink.dev");
            told = news;
        }
    }
}

/// What limits the reconciliations at the same time: a controller counts only its own, and there may be several. It would not
/// tell how many wait, either.
struct Turns {
    free: Semaphore,
    stop: CancellationToken,
}

/// Waits for a turn; whoever still waits when the operator is told to stop is left to the next one.
async fn reconcile_in_turn(
    turns: Arc<Turns>,
    guarded: Arc<Guarded>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let queued = Instant::now();
    context.metrics.queued();
    let turn = turns.stop.run_until_cancelled(turns.free.acquire()).await;
    context.metrics.taken(queued.elapsed());
    let Some(Ok(_turn)) = turn else { return Ok(Action::await_change()) };
    // Those that wait are many, and need not be large.
    Box::pin(reconcile_guarded(guarded, context)).await
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
        Ok(Next::Rolling) => Outcome::RequeueAfter,
        Ok(Next::Failed) => Outcome::Requeue,
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
            // One that has to wait is waited for longer each time.
            if next == Next::Healthy {
                forget(context, &sink.uid().unwrap_or_default());
            }
            Ok(next)
        }
        Ok(sink) => Box::pin(reconcile(context, &sink, now)).await,
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
