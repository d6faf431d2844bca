//! Pure. What a sink's offsets and records belong to: group, bucket and Kafka cluster. They change only while the sink is
//! paused, when nobody reads or writes, and a cluster that was replaced behind its addresses only by a person's word.

use kafkasink_crds::resource::{BindingStatus, KafkaSink, Reason};
use kube::ResourceExt;

use crate::model::{KafkaView, Problem, ValidatedSink};

/// The annotation by which a person lets a sink go on with another Kafka cluster: its value is that cluster's id.
pub(crate) const ACCEPT_CLUSTER: &str = "kafkasink.dev/accept-kafka-cluster";

/// Checks that a sink that is not paused has the group and the bucket that it had.
///
/// # Errors
/// `NeedsPause`, naming every field that changed.
pub(super) fn check(resource: &KafkaSink, sink: &ValidatedSink) -> Result<(), Problem> {
    let Some(bound) = bound(resource).filter(|_| !sink.paused) else { return Ok(()) };
    let fields = [
        ("kafka.groupId", bound.group_id.as_str(), sink.kafka.group_id.as_str()),
        ("reductStore.url", bound.url.trim_end_matches('/'), sink.store.url.trim_end_matches('/')),
        ("reductStore.bucket.name", &bound.bucket, sink.bucket.name.as_str()),
    ];
    let changed = fields.iter().filter(|(_, was, is)| was != is);
    let changed: Vec<_> = changed.map(|(field, was, is)| format!("{field} from {was} to {is}")).collect();
    if changed.is_empty() { Ok(()) } else { Err(needs_pause(&changed.join(", "))) }
}

/// Returns the cluster if it is the one that the sink belongs to, or may belong to from now on.
///
/// # Errors
/// `NeedsPause` where the sink was pointed at another cluster without being paused; `KafkaIdentityChanged` where another
/// one answers at the same addresses.
pub(crate) fn recognise(
    resource: &KafkaSink,
    sink: &ValidatedSink,
    kafka: KafkaView,
) -> Result<KafkaView, Problem> {
    let (is, servers) = (kafka.cluster_id.as_str(), &sink.kafka.bootstrap_servers);
    let Some((bound, was)) =
        bound(resource).and_then(|bound| Some((bound, bound.kafka_cluster_id.as_ref()?)))
    else {
        return Ok(kafka);
    };
    let accepted = resource.annotations().get(ACCEPT_CLUSTER).is_some_and(|id| id == is);
    if was == is || accepted {
        return Ok(kafka);
    }
    let is_moved = bound.bootstrap_servers != *servers;
    match (is_moved, sink.paused) {
        (true, true) => Ok(kafka),
        (true, false) => Err(needs_pause(&format!("the Kafka cluster from {was} to {is}"))),
        (false, _) => Err(replaced(resource, &servers.join(","), was, is)),
    }
}

fn bound(resource: &KafkaSink) -> Option<&BindingStatus> {
    resource.status.as_ref()?.binding.as_ref()
}

fn needs_pause(changed: &str) -> Problem {
    let message = format!(
        "changed {changed}, which is possible only while the sink is paused; put it back, or set paused to true first: \
         until then the last one stays in force"
    );
    Problem::new(Reason::NeedsPause, message)
}

fn replaced(resource: &KafkaSink, servers: &str, was: &str, is: &str) -> Problem {
    let (namespace, name) = (resource.namespace().unwrap_or_default(), resource.name_any());
    let message = format!(
        "the brokers at {servers} belong to cluster {is} and no more to {was}, where this sink's topics and offsets are: \
         nothing is touched there; correct kafka.bootstrapServers, or, if the cluster was replaced on purpose, kubectl \
         annotate -n {namespace} ksink {name} --overwrite {ACCEPT_CLUSTER}={is}"
    );
    Problem::new(Reason::KafkaIdentityChanged, message)
}

#[cfg(test)]
mod tests {
    use super::{ACCEPT_CLUSTER, BindingStatus, KafkaSink, KafkaView, recognise};
    use crate::model::Fetched;
    use crate::validate::validate;

    /// A sink of group `plant.cameras` on `kafka:9092` that has written into `plant`.
    fn bound() -> KafkaSink {
        let text = include_str!("../../../crds/tests/valid/smallest.yaml");
        let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
        sink.metadata.namespace = Some("plant".to_owned());
        sink.metadata.uid = Some("u".to_owned());
        sink.status.get_or_insert_default().binding = Some(BindingStatus {
            group_id: "plant.cameras".to_owned(),
            url: "http://reductstore:8383".to_owned(),
            bucket: "plant".to_owned(),
            bootstrap_servers: vec!["kafka:9092".to_owned()],
            kafka_cluster_id: Some("old".to_owned()),
        });
        sink
    }

    fn check(change: impl FnOnce(&mut KafkaSink), expected: &str) {
        let mut resource = bound();
        change(&mut resource);
        for paused in [true, false] {
            resource.spec.paused = Some(paused);
            let outcome = validate(&resource, &Fetched::without_tokens(), "image");
            let said = outcome
                .map_or_else(|problem| format!("{}: {}", problem.reason, problem.message), |_| String::new());
            assert!(if paused { said.is_empty() } else { said.starts_with(expected) }, "{paused}: {said}");
            assert_eq!(said.is_empty(), paused || expected.is_empty());
        }
    }

    #[test]
    fn group_and_bucket_change_only_while_paused() {
        check(|_| {}, "");
        check(|sink| sink.spec.reduct_store.url.push('/'), "");
        check(
            |sink| sink.spec.kafka.group_id = Some("other".to_owned()),
            "NeedsPause: changed kafka.groupId from plant.cameras to other, which is possible only while",
        );
        check(
            |sink| sink.spec.reduct_store.url = "http://other".to_owned(),
            "NeedsPause: changed reductStore.url from http://reductstore:8383 to http://other, which",
        );
        check(
            |sink| sink.spec.reduct_store.bucket.name = "b".parse().unwrap(),
            "NeedsPause: changed reductStore.bucket.name from plant to b, which",
        );
        check(
            |sink| {
                sink.spec.kafka.group_id = Some("other".to_owned());
                sink.status.as_mut().unwrap().binding = None;
            },
            "",
        );
    }

    fn check_cluster(servers: &str, paused: bool, accepted: Option<&str>, expected: &str) {
        let mut resource = bound();
        resource.spec.kafka.bootstrap_servers = vec![servers.to_owned()];
        resource.spec.paused = Some(paused);
        let annotation = accepted.map(|id| (ACCEPT_CLUSTER.to_owned(), id.to_owned()));
        resource.metadata.annotations = Some(annotation.into_iter().collect());
        let sink = validate(&resource, &Fetched::without_tokens(), "image").unwrap();
        let kafka = KafkaView {
            cluster_id: "new".to_owned(),
            brokers: 1,
            auto_creates_topics: None,
            topics: [].into(),
            group: None,
            ..KafkaView::default()
        };
        let outcome = recognise(&resource, &sink, kafka);
        let reason = outcome.map_or_else(|problem| problem.reason.as_str(), |_| "taken");
        assert_eq!(reason, expected, "{servers} {paused} {accepted:?}");
    }

    #[test]
    fn a_replaced_cluster_needs_a_persons_word_even_while_paused() {
        for paused in [true, false] {
            check_cluster("kafka:9092", paused, None, "KafkaIdentityChanged");
            check_cluster("kafka:9092", paused, Some("another"), "KafkaIdentityChanged");
            check_cluster("kafka:9092", paused, Some("new"), "taken");
        }
    }

    #[test]
    fn a_sink_moves_to_another_cluster_while_paused() {
        check_cluster("other:9092", false, None, "NeedsPause");
        check_cluster("other:9092", true, None, "taken");
        check_cluster("other:9092", false, Some("new"), "taken");
    }
}
