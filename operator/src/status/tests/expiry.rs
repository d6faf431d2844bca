//! Pure. What is said of tokens and certificates that end.

use kafkasink_crds::resource::{KafkaSink, KafkaSinkStatus};

use super::{
    AppliedExternals, Findings, LATER, NOW, Reason, SignedDuration, Timestamp, externals, findings, problem,
    resource, status, validated,
};
use crate::events;
use crate::model::{KafkaTls, Token, ValidatedSink};
use crate::status::expiries;
use crate::status::tests::RUNNING;

/// A sink that shows a token and speaks TLS with the brokers, with the world around it.
fn secured(
    token_end: Option<Timestamp>,
    listener_end: Option<Timestamp>,
) -> (ValidatedSink, AppliedExternals) {
    let mut sink = validated(&resource(|_| {}));
    sink.credentials.tls = Some(KafkaTls::default());
    sink.store.token = Some(Token::new("a token"));
    let mut externals = externals(&sink);
    externals.store.as_mut().unwrap().token_end = token_end;
    externals.kafka.as_mut().unwrap().certificate_end = listener_end;
    (sink, externals)
}

fn look(resource: &KafkaSink, sink: &ValidatedSink, externals: &AppliedExternals) -> KafkaSinkStatus {
    let expiries = expiries(sink, externals);
    status(resource, &Findings { expiries: &expiries, ..findings(sink, externals, &RUNNING) }, LATER)
}

fn warnings(status: &KafkaSinkStatus) -> Vec<String> {
    let warnings = status.warnings.iter();
    warnings.map(|warning| format!("{}: {}", warning.reason, warning.message)).collect()
}

/// The warnings while the store's token ends and the brokers' certificate does.
fn warned(token_end: Option<Timestamp>, listener_end: Option<Timestamp>) -> Vec<String> {
    let (sink, externals) = secured(token_end, listener_end);
    warnings(&look(&resource(|_| {}), &sink, &externals))
}

#[test]
fn warns_two_weeks_before_an_end_and_behind_it() {
    let day = SignedDuration::from_hours(24);
    let soon = NOW + day * 14;
    assert_eq!(warned(None, None), Vec::<String>::new());
    assert_eq!(warned(Some(NOW + day * 15), Some(NOW + day * 20)), Vec::<String>::new());
    let token = format!("ExpiresSoon: the token of reductStore.tokenFrom expires on {soon}; rotate it");
    assert_eq!(warned(Some(soon), Some(NOW + day * 20)), std::slice::from_ref(&token));
    let listener =
        format!("Expired: the certificate that the brokers show expired on {NOW}; renew it on the brokers");
    assert_eq!(warned(Some(soon), Some(NOW)), [listener, token]);
}

#[test]
fn an_outage_neither_takes_a_warning_back_nor_gives_it_twice() {
    let (sink, well) = secured(Some(LATER), Some(LATER));
    let no_kafka = AppliedExternals {
        kafka: Err(problem(Reason::KafkaUnreachable)),
        topics: Vec::new(),
        ..well.clone()
    };
    let no_store = AppliedExternals { store: Err(problem(Reason::TargetUnreachable)), ..well.clone() };
    let mut unseen = well.clone();
    unseen.kafka.as_mut().unwrap().certificate_end = None;
    let mut resource = resource(|_| {});
    let mut told = Vec::new();
    for externals in [&well, &no_kafka, &no_store, &unseen, &well] {
        let now = look(&resource, &sink, externals);
        assert_eq!(warnings(&now).len(), 2, "{externals:?}: {now:?}");
        told.extend(events::of_status(resource.status.as_ref(), &now));
        resource.status = Some(now);
    }
    assert_eq!(told.iter().filter(|notice| notice.reason == "Expired").count(), 2, "{told:?}");
}
