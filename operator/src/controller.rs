//! IO: Kubernetes. Watches resources and what belongs to them, and reconciles each of them, a few at a time.

mod listable;
mod scope;
mod triggers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, select_all};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Action, applier};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Api, ResourceExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::finalizer;
use crate::kubernetes::{KubernetesError, call};
use crate::malformed;
use crate::metrics::Outcome;
use crate::neighbours::Guarded;
use crate::reconcile::{ReconcileError, reconcile};
use crate::requeue::Next;
use crate::telemetry::chain;
use listable::until_listed;
use scope::Scope;
use triggers::{Triggers, triggers};

/// Longest reconciliation; every request in it has a shorter time-out of its own.
const RECONCILE_MAX: Duration = Duration::from_mins(2);

/// What is watched, and how much of it is worked on at the same time.
pub(crate) struct Watch {
    scopes: Vec<Scope>,
    concurrency: u16,
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

/// What a controller tells of one reconciliation or of a watch.
type Told = Result<(ObjectRef<Guarded>, Action), controller::Error<ReconcileError, watcher::Error>>;

/// Reconciles until `stop`.
pub(crate) async fn run(context: Arc<Context>, watch: &Watch, stop: CancellationToken) {
    context.metrics.set_concurrency(watch.concurrency);
    let turns = Arc::new(Turns { free: Semaphore::new(watch.concurrency.into()), stop });
    let controllers = watch.scopes.iter().map(|scope| {
        let told = controller(&context, &turns, scope);
        let scope = scope.clone();
        told.map(move |outcome| (scope.clone(), outcome))
    });
    // All of them are made before the first one works: each knows of the resources of all.
    let controllers: Vec<_> = controllers.collect();
    stream::select_all(controllers)
        .for_each(async |(scope, outcome)| {
            match outcome {
                Err(controller::Error::QueueError(error)) => {
                    tracing::warn!(%scope, error = chain(&error), "a watch failed, starting it again");
                }
                // A resource that goes at once is not reconciled any more.
                Err(controller::Error::ObjectNotFound(gone)) => {
                    context.forget(gone.extra.uid.as_deref().unwrap_or_default());
                }
                // A reconciliation that failed has told so itself.
                Err(_) | Ok(_) => {}
            }
        })
        .await;
}

/// Reconciles the resources of a scope as soon as they may be listed.
fn controller(context: &Arc<Context>, turns: &Arc<Turns>, scope: &Scope) -> BoxStream<'static, Told> {
    let (member, triggers) = triggers(context, scope);
    let listed = until_listed(context.client.clone(), scope.clone(), Arc::clone(&context.metrics));
    let listed = turns.stop.clone().run_until_cancelled_owned(listed);
    let (context, turns, scope) = (Arc::clone(context), Arc::clone(turns), scope.clone());
    let begin = async move {
        let Some(()) = listed.await else { return stream::empty().boxed() };
        tracing::info!(%scope, "watches kafkasinks");
        member.may_list();
        let cache = member.cache().clone();
        let (queue, settings) = (until(triggers, turns.stop.clone()), controller::Config::default());
        let in_turn = move |guarded, shared| spawned(reconcile_in_turn(Arc::clone(&turns), guarded, shared));
        applier(in_turn, on_error, context, cache, queue, settings).boxed()
    };
    begin.flatten_stream().boxed()
}

/// Ends the watches with `stop`, and drops them: a controller whose cache was never filled waits for it until then.
fn until(triggers: Triggers, stop: CancellationToken) -> Triggers {
    let next = move |mut rest: Triggers| {
        let stop = stop.clone();
        async move {
            let next = stop.run_until_cancelled(rest.next()).await.flatten()?;
            Some((next, rest))
        }
    };
    stream::unfold(triggers, next).boxed()
}

/// Lets a reconciliation run on any thread; it ends with whoever waits for it.
fn spawned(
    work: impl Future<Output = Result<Action, ReconcileError>> + Send + 'static,
) -> BoxFuture<'static, Result<Action, ReconcileError>> {
    let mut task = JoinSet::new();
    task.spawn(work);
    let ended = async move {
        match task.join_next().await {
            Some(Ok(outcome)) => outcome,
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // Nobody ends it but this future's own end.
            Some(Err(_)) | None => std::future::pending().await,
        }
    };
    ended.boxed()
}

/// Waits until the API server serves `KafkaSink`s and lets us list them, in one of the scopes at least.
pub(crate) async fn until_defined(context: &Context, watch: &Watch) {
    let listed = watch.scopes.iter().map(|scope| {
        until_listed(context.client.clone(), scope.clone(), Arc::clone(&context.metrics)).boxed()
    });
    drop(select_all(listed).await);
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
    outcome.map(|next| again(&context, &guarded, next))
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
    context.forget(&guarded.uid().unwrap_or_default());
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
                context.forget(&sink.uid().unwrap_or_default());
            }
            Ok(next)
        }
        // Large, and whoever waits need not be as large.
        Ok(sink) => Box::pin(reconcile(context, &sink, now)).await,
    }
}

/// Returns when a resource is looked at again. One that went while it was worked on is forgotten once more, also where
/// another one has come in its place.
fn again(context: &Context, guarded: &Guarded, next: Next) -> Action {
    let uid = guarded.uid().unwrap_or_default();
    let pause = context.requeue.after(&uid, next, Instant::now());
    if !context.neighbours.has(guarded) {
        context.forget(&uid);
    }
    Action::requeue(pause)
}

#[expect(clippy::needless_pass_by_value, reason = "the signature that kube's controller asks for")]
fn on_error(guarded: Arc<Guarded>, error: &ReconcileError, context: Arc<Context>) -> Action {
    let (namespace, sink) = (guarded.namespace().unwrap_or_default(), guarded.name_any());
    tracing::warn!(namespace, sink, error = chain(error), "reconciliation failed, trying again");
    again(&context, &guarded, Next::Failed)
}
