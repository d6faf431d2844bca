//! IO: ReductStore. Carries out the plan for the bucket.

use kafkasink_crds::resource::Reason;

use tokio::time::Instant;

use crate::context::Context;
use crate::desired::lifecycle_policy;
use crate::model::{BucketAction, BucketOutcome, BucketPlan, Problem, ValidatedSink};
use crate::reduct::StoreError;

/// Carries out the plan; the first step that fails ends it.
pub(super) async fn apply(context: &Context, sink: &ValidatedSink, plan: BucketPlan) -> BucketOutcome {
    let BucketPlan { usable, problem, drift, .. } = plan;
    let mut outcome = BucketOutcome { usable, created: false, problem, drift };
    for action in plan.actions {
        if let Some(over) = context.term.over() {
            outcome.problem = Some(over);
            break;
        }
        let creation = matches!(action, BucketAction::Create(_));
        match step(context, sink, action).await {
            Ok(()) => outcome.created |= creation,
            Err(error) => {
                outcome.usable &= !creation;
                outcome.problem = Some(refused(&error));
                break;
            }
        }
    }
    outcome
}

async fn step(context: &Context, sink: &ValidatedSink, action: BucketAction) -> Result<(), StoreError> {
    let Some(store) = context.stores.admin(&sink.store, Instant::now())? else { return Ok(()) };
    let bucket = &sink.bucket;
    let policy = lifecycle_policy(bucket);
    match action {
        BucketAction::Create(settings) => store.create_bucket(&bucket.name, &settings).await,
        BucketAction::Set(settings) => store.set_bucket(&bucket.name, &settings).await,
        BucketAction::SetRetention(seconds) => store.set_retention(&policy, &bucket.name, seconds).await,
        BucketAction::DropRetention => store.drop_retention(&policy).await,
    }
}

/// What the store refuses is about the bucket; everything else about the store.
fn refused(error: &StoreError) -> Problem {
    let problem = error.problem();
    if problem.reason == Reason::TargetRequestFailed {
        let message = format!("{}; correct reductStore.bucket", error.cause());
        return Problem::new(Reason::BucketRefused, message);
    }
    problem
}
