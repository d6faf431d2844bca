//! A Kafka broker on which nothing has ever happened: no group has committed, so `__consumer_offsets` does not exist.
//! IO: processes, Kafka, Kubernetes.

use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::own::OwnRun;
use kafkasink_e2e::lab::{Progress, kafka};
use serde_json::json;

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::Sandbox;

#[tokio::test]
async fn serves_a_broker_where_no_group_ever_committed() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let run = OwnRun::new()?;
    let broker = kafka::up(run.paths(), &Progress::start(kafka::STEPS)).await?;
    let brokers = Brokers::new(&broker.bootstrap)?;
    let kafka = json!({ "bootstrapServers": [broker.bootstrap] });
    // A second sink's group asks while the first one's is still without a coordinator.
    for name in ["first", "second"] {
        sandbox.apply_sink(name, json!({ "kafka": kafka })).await?;
    }
    for name in ["first", "second"] {
        sandbox.until_says(name, "TopicsReady=True Reconciled", &[]).await?;
        let status = sandbox.api::<KafkaSink>().get(name).await?.status.unwrap();
        assert_eq!(status.topics[0].created, Some(true), "{name}");
        assert_eq!(brokers.partitions(&sandbox.unique(name))?, 3);
        sandbox.until_exists::<StatefulSet>(&format!("{name}-sink")).await?;
        sandbox.until(name, "aware of its lag", |sink| lag(sink) == Some(0)).await?;
    }
    sandbox.assert_alive()?;
    sandbox.finish().await
}

fn lag(sink: &KafkaSink) -> Option<i64> {
    sink.status.as_ref()?.consumer_group.as_ref()?.lag_messages
}
