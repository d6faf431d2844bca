//! Pure. What is said of tokens and certificates that end.

use super::{LATER, NOW, SignedDuration, Timestamp, externals, findings, resource, status, validated};
use crate::status::tests::RUNNING;

/// The warnings while the store's token ends and the brokers' certificate does.
fn warned(token_end: Option<Timestamp>, listener_end: Option<Timestamp>, is_kafka_seen: bool) -> Vec<String> {
    let resource = resource(|_| {});
    let sink = validated(&resource);
    let mut externals = externals(&sink);
    if let Ok(store) = &mut externals.store {
        store.token_end = token_end;
    }
    if let Ok(kafka) = &mut externals.kafka {
        kafka.certificate_end = listener_end;
    }
    if !is_kafka_seen {
        externals.kafka = Err(super::problem(super::Reason::KafkaUnreachable));
    }
    let found = status(&resource, &findings(&sink, &externals, &RUNNING), LATER);
    found.warnings.into_iter().map(|warning| format!("{}: {}", warning.reason, warning.message)).collect()
}

#[test]
fn warns_two_weeks_before_an_end_and_behind_it() {
    let day = SignedDuration::from_hours(24);
    let soon = NOW + day * 14;
    assert_eq!(warned(None, None, true), Vec::<String>::new());
    assert_eq!(warned(Some(NOW + day * 15), Some(NOW + day * 20), true), Vec::<String>::new());
    let token = format!("ExpiresSoon: the token of reductStore.tokenFrom expires on {soon}; rotate it");
    assert_eq!(warned(Some(soon), Some(NOW + day * 20), true), std::slice::from_ref(&token));
    let listener =
        format!("Expired: the certificate that the brokers show expired on {NOW}; renew it on the brokers");
    assert_eq!(warned(Some(soon), Some(NOW), true), [listener, token.clone()]);
    assert_eq!(warned(Some(soon), Some(NOW), false), [token]);
}
