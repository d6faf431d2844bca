//! IO: Kafka. How topics and brokers are configured.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use kafkasink_crds::topic_name::TopicName;
use kafkasink_kafka_ffi::ClusterDescription;
use rdkafka::admin::{ConfigResource, ResourceSpecifier};
use tokio::time::Instant;

use super::{KafkaAdmin, native, options};
use crate::kafka::error::{Attempt, KafkaError, wrapped};

/// How long what a broker said of its configuration is taken for true.
const BROKER_CONFIG_AGE_MAX: Duration = Duration::from_mins(10);

/// For how long a broker that did not tell is not asked again.
const BROKER_SILENCE: Duration = Duration::from_mins(1);

/// What a broker of a cluster said of itself.
#[derive(Clone)]
pub(super) struct BrokerAnswer {
    /// Another cluster may answer at the same addresses the next time.
    cluster_id: String,
    asked: Instant,
    auto_creates_topics: Option<bool>,
}

impl KafkaAdmin {
    /// Tells whether the first broker creates whatever topic it is asked for. It is worth no failure where it may not be
    /// asked, and hardly ever changes.
    pub(super) async fn auto_creates_topics(&self, cluster: &ClusterDescription) -> Option<bool> {
        let asked = Instant::now();
        let known = self.broker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_current = |answer: &BrokerAnswer| {
            let is_told = answer.auto_creates_topics.is_some();
            let age_max = if is_told { BROKER_CONFIG_AGE_MAX } else { BROKER_SILENCE };
            answer.cluster_id == cluster.id && asked.duration_since(answer.asked) < age_max
        };
        if let Some(answer) = known.filter(is_current) {
            return answer.auto_creates_topics;
        }
        let broker = [ResourceSpecifier::Broker(*cluster.brokers.first()?)];
        let answers = self.client.describe_configs(&broker, &options()).await.ok();
        let config = answers.and_then(|mut answers| answers.pop()?.ok()).map(values);
        let auto_creates_topics =
            config.and_then(|config| config.get("auto.create.topics.enable")?.parse().ok());
        let answer = BrokerAnswer { cluster_id: cluster.id.clone(), asked, auto_creates_topics };
        *self.broker.lock().unwrap_or_else(PoisonError::into_inner) = Some(answer);
        auto_creates_topics
    }

    /// Returns every configuration value in force of each topic.
    pub(super) async fn describe_configs(
        &self,
        names: &[TopicName],
    ) -> Result<Vec<(TopicName, BTreeMap<String, String>)>, KafkaError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let resources: Vec<_> = names.iter().map(|name| ResourceSpecifier::Topic(name.as_str())).collect();
        let failed = |source| KafkaError::new(Attempt::DescribeConfigs, &self.party, source, None);
        let answers = self
            .client
            .describe_configs(&resources, &options())
            .await
            .map_err(|error| failed(wrapped(&error)))?;
        // The answers come in the order of the question.
        let read = |(name, answer): (&TopicName, Result<ConfigResource, _>)| {
            let resource = answer.map_err(|code| failed(native(code)))?;
            Ok((name.clone(), values(resource)))
        };
        names.iter().zip(answers).map(read).collect()
    }
}

fn values(resource: ConfigResource) -> BTreeMap<String, String> {
    resource.entries.into_iter().filter_map(|entry| Some((entry.name, entry.value?))).collect()
}
