//! IO: Kafka, ReductStore. Looks at the cluster and the store; what cannot be seen is a problem, not an error: the
//! rest goes on.

use kafkasink_crds::topic_name::TopicName;
use tokio::time::Instant;

use crate::context::Context;
use crate::desired::lifecycle_policy;
use crate::kafka::KafkaQuery;
use crate::model::{KafkaView, Problem, StoreView, ValidatedSink, World};
use crate::reduct::StoreError;

/// Looks at both ends of the sink at the same time.
pub(crate) async fn world(context: &Context, sink: &ValidatedSink) -> World {
    let (kafka, store) = tokio::join!(kafka(context, sink), store(context, sink));
    World { kafka, store: store.map_err(|error| error.problem()) }
}

/// Returns what a sink wants to know about its cluster.
pub(crate) fn kafka_query(sink: &ValidatedSink) -> KafkaQuery {
    let consumed: Vec<TopicName> = sink.topics.iter().map(|topic| topic.name.clone()).collect();
    KafkaQuery {
        topics: sink.all_topics().map(|topic| topic.name.clone()).collect(),
        consumed,
        group_id: sink.kafka.group_id.clone(),
    }
}

async fn kafka(context: &Context, sink: &ValidatedSink) -> Result<KafkaView, Problem> {
    let admin =
        context.connections.get(&sink.connection(), Instant::now()).map_err(|error| error.problem())?;
    admin.observe(kafka_query(sink)).await.map_err(|error| error.problem())
}

async fn store(context: &Context, sink: &ValidatedSink) -> Result<StoreView, StoreError> {
    let store = context.stores.get(&sink.store, Instant::now())?;
    let bucket = &sink.bucket;
    let permissions = match sink.store.token {
        None => None,
        Some(_) => Some(store.permissions().await?),
    };
    let admin = context.stores.admin(&sink.store, Instant::now())?;
    let admin_permissions = match (&sink.store.admin_token, &admin) {
        (Some(_), Some(admin)) => Some(admin.permissions().await?),
        _ => None,
    };
    let is_admin_powerless = admin_permissions.as_ref().is_some_and(|held| !held.full_access);
    let seen = StoreView {
        is_admin_powerless,
        token_end: permissions.as_ref().and_then(|held| held.end),
        admin_token_end: admin_permissions.and_then(|held| held.end),
        certificate_end: store.certificate_end().await,
        ..StoreView::default()
    };
    let Some(admin) = admin.filter(|_| !is_admin_powerless) else {
        let may_read =
            permissions.as_ref().is_some_and(|held| !held.missing(bucket.name.as_str()).contains(&"read"));
        let view = if may_read {
            store.bucket(&bucket.name).await?
        } else {
            Some(crate::model::BucketView::default())
        };
        return Ok(StoreView { bucket: view, permissions, ..seen });
    };
    let view = admin.bucket(&bucket.name).await?;
    let retention_seconds = match bucket.retention {
        None => None,
        Some(_) => admin.retention(&lifecycle_policy(bucket)).await?,
    };
    Ok(StoreView { bucket: view, retention_seconds, permissions, managed: true, ..seen })
}
