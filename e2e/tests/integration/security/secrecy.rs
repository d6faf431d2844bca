//! No secret reaches a log, however much is logged.

use anyhow::ensure;
use kafkasink_e2e::lab::ensure as lab;
use kafkasink_e2e::lab::secured::{Kind, PASSWORD};
use kafkasink_e2e::trial::messages::numbered;
use kafkasink_e2e::trial::{Signal, Spec};

use super::credentials::{Sasl, Shown};
use super::{PATIENCE, REFUSED, secured_kafka, world};

/// A log as talkative as it gets.
fn talkative(spec: Spec) -> Spec {
    let spec = spec.replace("startFrom: Earliest}", "startFrom: Earliest, properties: {debug: all}}");
    spec.replace("logLevel: Info", "logLevel: Trace")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_logged_at_the_most_talkative_level() -> anyhow::Result<()> {
    let kafka = secured_kafka().await?;
    let certificate = kafka.client("cameras")?;
    let by = |mechanism| Shown::authority(&kafka).map(|shown| shown.sasl(Sasl::by(mechanism)));
    let mutual = Shown::authority(&kafka)?.certificate(certificate.clone());
    let cases = [
        (Kind::MutualTls, mutual),
        (Kind::SaslTls, by("PLAIN")?),
        (Kind::SaslTls, by("SCRAM-SHA-256")?),
        (Kind::SaslPlaintext, Shown::default().sasl(Sasl::by("SCRAM-SHA-512"))),
    ];
    let token = lab::store().await?.token;
    let key_lines = certificate.key.lines().filter(|line| !line.starts_with("-----"));
    let secrets: Vec<&str> = key_lines.chain([PASSWORD, token.as_str()]).collect();
    ensure!(secrets.len() > 3 && secrets.iter().all(|secret| secret.len() > 5), "{secrets:?}");
    for (kind, shown) in cases {
        let world = world(&kafka, "secret", 1).await?;
        world.topic.produce(numbered(0..50)).await?;
        let mut member = world.start(&talkative(shown.spec(&world, &kafka, kind)?)).await?;
        world.wait_until_stored(50, PATIENCE).await?;
        // A changed file, and one that is refused, are further occasions to say too much.
        shown.sasl(Sasl::by("PLAIN").password("refused-Pj3xW9")).write(&world)?;
        if kind != Kind::MutualTls {
            member.wait_for_line("do not work, those before stay in use", PATIENCE).await?;
        }
        let log = member.stop(Signal::Terminate, PATIENCE)?.stderr;
        ensure!(log.contains("the kafka client tells"), "the log is not talkative");
        for secret in secrets.iter().chain(&["refused-Pj3xW9"]) {
            let line = log.lines().find(|line| line.contains(secret));
            ensure!(line.is_none(), "{kind:?} logs {secret:?}: {line:?}");
        }
        ensure!(!log.contains(REFUSED), "refused: {log}");
    }
    Ok(())
}
