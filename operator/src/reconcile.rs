//! IO: through the steps. Reconciliation: the steps in order, and nothing else. It may be repeated at any time.
//!
//! ```text
//! fetch ─► validate ─► world ─► externals (topics, bucket) ─► workload (pods) ─► status ─► events
//! ```

use jiff::Timestamp;
use kafkasink_crds::resource::{KafkaSink, KafkaSinkStatus, Reason};
use kube::ResourceExt;
use tokio::time::Instant;

use crate::context::Context;
use crate::desired::{BuildError, Said};
use crate::events::{self, Notice};
use crate::kubernetes::KubernetesError;
use crate::model::{AppliedExternals, Fetched, Problem, ValidatedSink, WorkloadView, World};
use crate::names::SinkNames;
use crate::publish::publish;
use crate::requeue::Next;
use crate::status::Findings;
use crate::{apply, desired, fetch, finalizer, ownership, status, validate};

/// Why a reconciliation could not be finished. What is wrong with Kafka, the store or the resource is no error: it is
/// said in the status.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    /// The Kubernetes API.
    #[error(transparent)]
    Kubernetes(KubernetesError),
    /// An object that cannot be written down.
    #[error("failed to build the sink's objects")]
    Build(#[source] BuildError),
}

/// Makes everything as the resource says and tells in the resource how that went.
///
/// # Errors
/// The Kubernetes API does not answer or refuses us.
pub(crate) async fn reconcile(
    context: &Context,
    resource: &KafkaSink,
    now: Timestamp,
) -> Result<Next, ReconcileError> {
    let fetched = fetch::fetch(context, resource).await.map_err(ReconcileError::Kubernetes)?;
    let sink = match validate::validate(resource, &fetched, &context.runtime_image) {
        Ok(sink) => sink,
        Err(problem) => return refuse(context, resource, &fetched, &problem, now).await,
    };
    // Before the first topic is created: a topic that is to be deleted in the end must not be forgotten.
    finalizer::keep_in_step(&context.client, resource).await.map_err(ReconcileError::Kubernetes)?;

    let world = recognised(resource, &sink, fetch::world(context, &sink).await);
    let topics = resource.status.as_ref().map_or(&[][..], |status| &status.topics);
    let said = Said { topics, is_bucket_full: status::is_bucket_full(resource) };
    let cluster_id = world.kafka.as_ref().ok().map(|cluster| cluster.cluster_id.as_str());
    let owners = ownership::owners(resource, cluster_id, &fetched.neighbours);
    let plans = desired::externals(&sink, &world, said, &owners);
    let externals = apply::externals(context, &sink, world, plans).await;
    publish(context, resource, events::of_externals(&externals, sink.bucket.name.as_str())).await;

    // The pods come last, and depend on what became of the topics: their number, and whether they may start at all.
    let workload = workload(context, &sink, &externals, &fetched).await?;
    let pods = fetch::pods(context, &sink, now).await;
    let members = fetch::members(context, &sink.identity.uid, pods.as_deref()).await;
    let pods = pods.unwrap_or_default();
    let ages = fetch::ages(context, &sink, externals.kafka.as_ref().ok(), &members, now).await;
    let lost = status::lost(resource, &members, &pods, now);
    let expiries = status::expiries(&sink, &externals);
    let findings = Findings {
        sink: &sink,
        externals: &externals,
        replicas: desired::effective_replicas(&sink, &externals),
        workload: workload.as_ref().map(Option::as_ref),
        before: fetched.workload.as_ref(),
        awaited_long: status::pods_awaited_long(resource, now),
        pods: &pods,
        members: &members,
        ages: &ages,
        expiries: &expiries,
        lost: lost.as_ref(),
    };
    context.metrics.retention(resource, status::retention_used(&findings), lost.as_ref());
    context.metrics.expiries(resource, expiries.iter().map(|expiry| (expiry.credential, expiry.end)));
    report(context, resource, status::status(resource, &findings, now)).await?;
    Ok(status::next(&findings))
}

/// A cluster that is not the sink's own counts as one that could not be seen.
fn recognised(resource: &KafkaSink, sink: &ValidatedSink, world: World) -> World {
    let kafka = world.kafka.and_then(|cluster| validate::recognise(resource, sink, cluster));
    World { kafka, store: world.store }
}

async fn workload(
    context: &Context,
    sink: &ValidatedSink,
    externals: &AppliedExternals,
    fetched: &Fetched,
) -> Result<Result<Option<WorkloadView>, Problem>, ReconcileError> {
    let workload = desired::workload(sink, externals, fetched).map_err(ReconcileError::Build)?;
    // What failed here is told in the status like everything else: topics may just have been created.
    match apply::workload(context, sink, workload, fetched.workload.as_ref()).await {
        Ok(view) => Ok(Ok(view)),
        Err(error) => Ok(Err(error.problem())),
    }
}

async fn refuse(
    context: &Context,
    resource: &KafkaSink,
    fetched: &Fetched,
    problem: &Problem,
    now: Timestamp,
) -> Result<Next, ReconcileError> {
    let remaining = scale_down(context, resource, fetched).await.map_err(ReconcileError::Kubernetes)?;
    let workload = remaining.as_ref().or(fetched.workload.as_ref());
    report(context, resource, status::refused(resource, problem, workload, now)).await?;
    // A foreign object may go at any moment, and nothing tells us of it.
    let only_by_resource = [Reason::InvalidSpec, Reason::NotImplementedYet].contains(&problem.reason);
    Ok(if only_by_resource { Next::Refused } else { Next::Failed })
}

/// Takes away the pods that a resource which cannot be honoured no longer asks for, and returns how the others are.
async fn scale_down(
    context: &Context,
    resource: &KafkaSink,
    fetched: &Fetched,
) -> Result<Option<WorkloadView>, KubernetesError> {
    let remaining = desired::remaining(&resource.spec, fetched);
    let (Some(replicas), Ok(names)) = (remaining, SinkNames::parse(&resource.name_any())) else {
        return Ok(None);
    };
    let namespace = resource.namespace().unwrap_or_default();
    apply::scale_down(&context.client, &namespace, &names, replicas).await?;
    fetch::workload(&context.client, &namespace, &names).await
}

/// Writes the status where it differs from what is written, and publishes what changed.
async fn report(
    context: &Context,
    resource: &KafkaSink,
    found: KafkaSinkStatus,
) -> Result<(), ReconcileError> {
    let uid = resource.uid().unwrap_or_default();
    let previous = resource.status.as_ref();
    let due = context.lag_pace.is_due(&uid, Instant::now()) && !status::keeps_its_lag(&found, previous);
    let status = if due { found } else { status::with_lag_of(found, previous) };
    if previous == Some(&status) {
        return Ok(());
    }
    apply::write_status(&context.client, &resource.metadata, &status)
        .await
        .map_err(ReconcileError::Kubernetes)?;
    context.metrics.status_written();
    if due {
        context.lag_pace.written(&uid, Instant::now());
    }
    let notices: Vec<Notice> = events::of_status(previous, &status);
    publish(context, resource, notices).await;
    Ok(())
}
