//! Pure. The birthmark of a topic: by what it shows which resource created it.
//!
//! Only a topic that a resource created may go with it. An operator that is killed between a creation and the write of
//! the status leaves a topic of which no status says so; an intention written before would claim what somebody else
//! created meanwhile. So the creation itself carries the evidence: a configuration key whose value, like Kafka's
//! default, means "never", and is less than that by a number which only this resource and this topic have. It is taken
//! away as soon as the status says that the topic is the resource's.

use std::collections::BTreeMap;

use kafkasink_crds::topic_name::TopicName;
use sha2::Digest;

/// Keys whose default is the largest number there is. The first that the resource does not name itself is used; topics
/// for which it names all of them bear no mark.
const KEYS: [&str; 3] = ["max.compaction.lag.ms", "flush.ms", "flush.messages"];

/// Bytes of the number: no two topics share it by chance, and what is left is still 292 million years.
const NUMBER_BYTES: usize = 5;

/// Returns the key and value that a new topic of the resource with this uid bears besides its configuration.
pub(crate) fn of_new(
    uid: &str,
    topic: &TopicName,
    config: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    let key = KEYS.into_iter().find(|key| !config.contains_key(*key))?;
    Some((key.to_owned(), value(uid, topic)))
}

/// Returns the key by which a topic shows that the resource with this uid created it.
pub(crate) fn borne(uid: &str, topic: &TopicName, config: &BTreeMap<String, String>) -> Option<&'static str> {
    let mark = value(uid, topic);
    KEYS.into_iter().find(|key| config.get(*key) == Some(&mark))
}

fn value(uid: &str, topic: &TopicName) -> String {
    let digest = sha2::Sha256::digest(format!("{uid}/{topic}"));
    let number = digest.iter().take(NUMBER_BYTES).fold(0, |number, byte| number << 8 | i64::from(*byte));
    (i64::MAX - 1 - number).to_string()
}

#[cfg(test)]
mod tests {
    use super::{BTreeMap, KEYS, TopicName, borne, of_new};

    fn check(uid: &str, topic: &str, expected: bool) {
        let ours = TopicName::parse("cameras").unwrap();
        let config: BTreeMap<_, _> = of_new("u", &ours, &[].into()).into_iter().collect();
        let topic = TopicName::parse(topic).unwrap();
        assert_eq!(borne(uid, &topic, &config).is_some(), expected, "{uid} {topic}");
    }

    #[test]
    fn tells_one_resource_and_one_topic_from_all_others() {
        check("u", "cameras", true);
        check("v", "cameras", false);
        check("u", "camera", false);
    }

    #[test]
    fn touches_no_key_that_the_resource_names() {
        let topic = TopicName::parse("cameras").unwrap();
        let mut named = BTreeMap::new();
        for key in KEYS {
            assert_eq!(of_new("u", &topic, &named).unwrap().0, key);
            named.insert(key.to_owned(), "1".to_owned());
        }
        assert_eq!(of_new("u", &topic, &named), None);
        assert_eq!(borne("u", &topic, &named), None);
    }

    #[test]
    fn means_never_to_a_broker() {
        let topic = TopicName::parse("cameras").unwrap();
        let value: i64 = of_new("u", &topic, &[].into()).unwrap().1.parse().unwrap();
        assert!(value > i64::MAX - (1 << 40) - 1, "{value}");
    }
}
