//! An operator that is killed between the creation of a topic and the write of the status. IO: processes, Kafka,
//! Kubernetes.

use std::time::Duration;

use kafkasink_crds::resource::{KafkaSink, TopicStatus};
use kube::api::DeleteParams;
use serde_json::json;

use crate::operator::brokers::Brokers;
use crate::operator::sandbox::{Sandbox, eventually};

/// How many sinks are made, each with a kill as soon as its topic is there.
const KILLS: usize = 6;

/// Pause between two looks for a topic: much shorter than what the operator asks between creation and status.
const LOOK: Duration = Duration::from_millis(2);

/// The key that carries the birthmark where the resource does not name it.
const MARK: &str = "max.compaction.lag.ms";

/// What it says in a topic that bears none.
fn never() -> String {
    i64::MAX.to_string()
}

#[tokio::test]
async fn knows_its_own_topics_after_a_kill_and_claims_no_others() -> anyhow::Result<()> {
    let mut sandbox = Sandbox::start().await?;
    let brokers = Brokers::new(&sandbox.kafka.bootstrap)?;
    let mut unwritten = 0;
    for index in 0..KILLS {
        let name = format!("killed{index}");
        let [own, foreign] = ["own", "foreign"].map(|kind| sandbox.unique(&format!("{kind}{index}")));
        brokers.create(&foreign).await?;
        let topics = [&own, &foreign].map(|topic| json!({ "name": topic, "deletionPolicy": "Delete" }));
        sandbox.apply_sink(&name, json!({ "topics": topics })).await?;
        until_there(&brokers, &own).await?;
        sandbox.kill_operator()?;
        unwritten += usize::from(topic(&sandbox.api::<KafkaSink>().get(&name).await?, &own).is_none());

        sandbox.start_operator()?;
        let is_told = |sink: &KafkaSink| topic(sink, &own).is_some() && topic(sink, &foreign).is_some();
        let sink = sandbox.until(&name, "aware of its topics", is_told).await?;
        assert_eq!(topic(&sink, &own).and_then(|topic| topic.created), Some(true), "its own topic is lost");
        assert_eq!(topic(&sink, &foreign).and_then(|topic| topic.created), Some(false), "claims another's");
        let is_plain = async || Ok((brokers.config(&own).await?.remove(MARK) == Some(never())).then_some(()));
        eventually(is_plain).await?;

        let sinks = sandbox.api::<KafkaSink>();
        sinks.delete(&name, &DeleteParams::default()).await?;
        eventually(async || Ok(sinks.get_opt(&name).await?.is_none().then_some(()))).await?;
        eventually(async || Ok((brokers.partitions(&own)? == 0).then_some(()))).await?;
        assert_eq!(brokers.partitions(&foreign)?, 1, "the topic of somebody else is gone");
    }
    assert!(unwritten > 0, "no kill came between a creation and its status");
    sandbox.finish().await
}

async fn until_there(brokers: &Brokers, topic: &str) -> anyhow::Result<()> {
    let looks = async {
        let mut pause = tokio::time::interval(LOOK);
        while brokers.partitions(topic)? == 0 {
            pause.tick().await;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(Duration::from_mins(1), looks).await?
}

fn topic<'a>(sink: &'a KafkaSink, name: &str) -> Option<&'a TopicStatus> {
    sink.status.as_ref()?.topics.iter().find(|topic| topic.name == name && topic.id.is_some())
}
