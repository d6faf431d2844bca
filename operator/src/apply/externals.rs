//! IO: Kafka, ReductStore. Carries out the plans for topics and bucket, then looks at the cluster again if it changed.

use kafkasink_crds::resource::Reason;
use tokio::time::Instant;

use super::{bucket, topics};
use crate::context::Context;
use crate::fetch::kafka_query;
use crate::model::{
    AppliedExternals, BucketOutcome, Externals, KafkaView, Problem, TopicOutcome, ValidatedSink, World,
};

/// Carries out the plans.
pub(crate) async fn externals(
    context: &Context,
    sink: &ValidatedSink,
    world: World,
    plans: Externals,
) -> AppliedExternals {
    let (kafka, bucket) = tokio::join!(topics(context, sink, world.kafka, plans.topics), async {
        match plans.bucket {
            Ok(plan) => match context.term.over() {
                None => bucket::apply(context, sink, plan).await,
                over => BucketOutcome { problem: over, ..BucketOutcome::default() },
            },
            Err(problem) => BucketOutcome { problem: Some(problem), ..BucketOutcome::default() },
        }
    });
    let (kafka, topics) = kafka;
    AppliedExternals { kafka, topics, store: world.store, bucket }
}

async fn topics(
    context: &Context,
    sink: &ValidatedSink,
    seen: Result<KafkaView, Problem>,
    plans: Result<Vec<crate::model::TopicPlan>, Problem>,
) -> (Result<KafkaView, Problem>, Vec<TopicOutcome>) {
    let admin = context.connections.get(&sink.connection(), Instant::now());
    let (Ok(seen), Ok(plans), Ok(admin)) = (&seen, plans, admin) else {
        return (seen, Vec::new());
    };
    let mut outcomes = Vec::new();
    let mut silence = None;
    for plan in plans {
        silence = silence.or_else(|| context.term.over());
        let outcome = match &silence {
            None => topics::apply((&admin, &context.term), seen, plan).await,
            // Brokers that have ceased to answer are not asked once for every topic.
            Some(problem) => topics::skip(seen, plan, problem),
        };
        silence = silence.or(outcome.problem.clone().filter(|it| it.reason == Reason::KafkaUnreachable));
        outcomes.push(outcome);
    }
    let changed = outcomes.iter().any(|outcome| !outcome.changes.is_empty());
    let now = if changed {
        admin.observe(kafka_query(sink)).await.map_err(|error| error.problem())
    } else {
        Ok(seen.clone())
    };
    if let Ok(now) = &now {
        for outcome in &mut outcomes {
            topics::look_again(outcome, now);
        }
    }
    (now, outcomes)
}
