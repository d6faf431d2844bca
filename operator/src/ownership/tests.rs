//! Pure. Two resources that name the same things, and who of them owns what.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kafkasink_crds::resource::{BindingStatus, KafkaSink};
use kafkasink_crds::topic_name::TopicName;

use super::{Claims, Neighbour, Ordering, Owners, Unreadable, by_age, other_user, owners, possible_user};

/// A sink of the topic `cameras` on `kafka:9092` that writes into the bucket `plant`, changed by `over`.
fn sink(name: &str, second: i64, over: impl FnOnce(&mut KafkaSink)) -> KafkaSink {
    let text = include_str!("../../../crds/tests/valid/smallest.yaml");
    let mut sink: KafkaSink = serde_saphyr::from_str(text).unwrap();
    sink.metadata.namespace = Some("plant".to_owned());
    sink.metadata.name = Some(name.to_owned());
    sink.metadata.uid = Some(format!("uid-of-{name}"));
    sink.metadata.creation_timestamp = Some(Time(Timestamp::from_second(second).unwrap()));
    over(&mut sink);
    sink
}

/// A sink as if it were written over the smallest one.
fn with(text: &str) -> impl FnOnce(&mut KafkaSink) + use<> {
    let over: serde_json::Value = serde_saphyr::from_str(text).unwrap();
    move |sink| {
        let mut spec = serde_json::to_value(&sink.spec).unwrap();
        merge(&mut spec, over);
        sink.spec = serde_json::from_value(spec).unwrap();
    }
}

fn merge(base: &mut serde_json::Value, over: serde_json::Value) {
    match (base, over) {
        (serde_json::Value::Object(base), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

fn on_cluster(id: &str) -> impl FnOnce(&mut KafkaSink) {
    let binding = BindingStatus { kafka_cluster_id: Some(id.to_owned()), ..BindingStatus::default() };
    move |sink| sink.status.get_or_insert_default().binding = Some(binding)
}

/// What the younger of the two is told; the older one is always its own master.
fn check(older: &KafkaSink, younger: &KafkaSink, cluster_id: Option<&str>, expected: &str) {
    let neighbours = |sink: &KafkaSink, than: &KafkaSink| {
        let touches = Claims::of(&than.spec).concern(&sink.spec);
        assert_eq!(touches, Claims::of(&sink.spec).concern(&than.spec), "each concerns the other");
        let neighbour = Neighbour { older: by_age(sink, than).is_lt(), resource: sink.clone() };
        Vec::from_iter(touches.then_some(neighbour))
    };
    assert_eq!(owners(older, cluster_id, &neighbours(younger, older)), Owners::default());
    let Owners { topics, bucket, entries } = owners(younger, cluster_id, &neighbours(older, younger));
    let topics = topics.into_iter().map(|(topic, owner)| format!("topic {topic}: {owner}"));
    let bucket = bucket.map(|owner| format!("bucket: {owner}"));
    let entries = entries.map(|owner| format!("entries: {owner}"));
    let said: Vec<_> = topics.chain(bucket).chain(entries).collect();
    assert_eq!(said.join(", "), expected);
}

#[test]
fn the_older_owns_all_that_both_name() {
    let (a, b) = (sink("a", 1, |_| {}), sink("b", 2, |_| {}));
    check(&a, &b, None, "topic cameras: plant/a, entries: plant/a");
}

#[test]
fn of_two_made_in_one_second_the_uid_decides() {
    let (a, b) = (sink("a", 1, |_| {}), sink("b", 1, |_| {}));
    assert_eq!((by_age(&a, &b), by_age(&b, &a)), (Ordering::Less, Ordering::Greater));
}

#[test]
fn one_topic_may_go_to_two_buckets() {
    for elsewhere in ["reductStore: {bucket: {name: other}}", "reductStore: {url: 'http://other:8383'}"] {
        check(&sink("a", 1, |_| {}), &sink("b", 2, with(elsewhere)), None, "topic cameras: plant/a");
    }
    let only_written_otherwise = with("reductStore: {url: 'http://REDUCTSTORE:8383/'}");
    let expected = "topic cameras: plant/a, entries: plant/a";
    check(&sink("a", 1, |_| {}), &sink("b", 2, only_written_otherwise), None, expected);
}

#[test]
fn who_only_observes_a_topic_owns_nothing_of_it() {
    let observer = with(
        "{topics: [{name: cameras, managementPolicy: Observe}], mapping: {entry: 'x/{topic}/{partition}'}}",
    );
    check(&sink("a", 1, observer), &sink("b", 2, |_| {}), None, "");
}

#[test]
fn a_dead_letter_topic_is_a_topic_like_any_other() {
    let letters = with("{topics: [{name: a}], delivery: {deadLetter: {topic: cameras}}}");
    check(&sink("a", 1, letters), &sink("b", 2, |_| {}), None, "topic cameras: plant/a");
}

#[test]
fn clusters_are_told_apart_by_their_ids() {
    let elsewhere = "{kafka: {bootstrapServers: ['other:1']}, reductStore: {bucket: {name: other}}}";
    let by_other_addresses = sink("b", 2, with(elsewhere));
    check(&sink("a", 1, |_| {}), &by_other_addresses, Some("c"), "");
    let known = sink("a", 1, on_cluster("c"));
    check(&known, &by_other_addresses, Some("c"), "topic cameras: plant/a");
    let by_the_same = sink("b", 2, with("reductStore: {bucket: {name: other}}"));
    check(&known, &by_the_same, Some("d"), "");
}

#[test]
fn entries_that_cannot_meet_share_a_bucket() {
    let other = with("topics: [{name: radars}]");
    check(&sink("a", 1, |_| {}), &sink("b", 2, other), None, "");
    let by_key = || with("{topics: [{name: radars}], mapping: {entry: '{key}/{partition}'}}");
    check(&sink("a", 1, |_| {}), &sink("b", 2, by_key()), None, "entries: plant/a");
}

#[test]
fn the_older_decides_about_the_bucket_where_they_declare_it_differently() {
    let declares = |name: &str, settings: &str| {
        with(&format!("{{topics: [{{name: {name}}}], reductStore: {{bucket: {settings}}}}}"))
    };
    let (a, b) = ("{maxBlockRecords: 512}", "{quota: {type: FIFO, size: 1Gi}}");
    check(&sink("a", 1, declares("a", a)), &sink("b", 2, declares("b", a)), None, "");
    check(&sink("a", 1, declares("a", a)), &sink("b", 2, declares("b", b)), None, "bucket: plant/a");
    let observed = "{managementPolicy: Observe, maxBlockRecords: 512}";
    check(&sink("a", 1, declares("a", observed)), &sink("b", 2, declares("b", b)), None, "");
}

#[test]
fn a_topic_is_used_by_the_younger_too() {
    let (a, b) = (sink("a", 1, |_| {}), sink("b", 2, |_| {}));
    let neighbours = [Neighbour { older: false, resource: b }];
    let user = |topic: &str| other_user(&TopicName::parse(topic).unwrap(), &a.spec.kafka, "c", &neighbours);
    assert_eq!((user("cameras").as_deref(), user("radars")), (Some("plant/b"), None));
}

#[test]
fn a_resource_that_cannot_be_read_may_use_any_topic_whose_name_it_holds() {
    let check = |content: &str, expected: bool| {
        let content = serde_saphyr::from_str(content).unwrap();
        let unreadable = [Unreadable { label: "plant/odd".to_owned(), content }];
        let user = possible_user(&TopicName::parse("cameras").unwrap(), &unreadable);
        assert_eq!(user, expected.then(|| "plant/odd".to_owned()));
    };
    check("spec: {topics: [{name: cameras}]}", true);
    check("spec: {delivery: {deadLetter: {topic: cameras}}}", true);
    check("spec: {topics: [cameras, 7]}", true);
    check("spec: {topics: [{name: cameras.dlq, cameras: true}]}", false);
}
