//! Certificates that end soon are told of before they do. IO: processes, Kafka, Kubernetes.

use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::events::v1::Event;
use kafkasink_e2e::lab::secured::{ClientCertificate, Kind, SecuredKafka};
use kube::api::ListParams;
use serde_json::json;

use crate::operator::sandbox::{Sandbox, eventually};

/// The day that begins in so many days.
fn day_in(days: i64) -> anyhow::Result<(i32, u8, u8)> {
    let date = Timestamp::now().to_zoned(TimeZone::UTC).date().checked_add(days.days())?;
    Ok((date.year().into(), date.month().try_into()?, date.day().try_into()?))
}

async fn show(sandbox: &Sandbox, shown: ClientCertificate) -> anyhow::Result<()> {
    sandbox.secret("shown", json!({ "tls.crt": shown.certificate, "tls.key": shown.key })).await
}

#[tokio::test]
async fn warns_of_a_certificate_two_weeks_before_it_ends_until_it_is_renewed() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let kafka = SecuredKafka::start().await?;
    sandbox.secret("ca", json!({ "ca.crt": kafka.authority()? })).await?;
    show(&sandbox, kafka.client_until("cameras", day_in(10)?)?).await?;
    let ca = json!({ "secretKeyRef": { "name": "ca", "key": "ca.crt" } });
    let tls = json!({ "caFrom": ca, "clientCertificate": { "secretName": "shown" } });
    let spec = json!({ "kafka": { "bootstrapServers": [kafka.bootstrap(Kind::MutualTls)], "tls": tls } });
    sandbox.apply_sink("ending", spec).await?;
    sandbox.until_exists::<StatefulSet>("ending-sink").await?;
    let (year, month, day) = day_in(10)?;
    let ends =
        format!("kafka.tls.clientCertificate expires on {year}-{month:02}-{day:02}T00:00:00Z; renew it");
    sandbox.until_warns("ending", "ExpiresSoon", &ends).await?;
    eventually(async || {
        let events = sandbox.api::<Event>().list(&ListParams::default()).await?.items;
        let told = |event: &Event| event.note.as_deref().is_some_and(|note| note.starts_with(&ends));
        Ok(events.iter().any(told).then_some(()))
    })
    .await?;
    let metrics = sandbox.metrics().await?;
    for credential in ["kafka_ca", "kafka_client_certificate", "kafka_listener"] {
        let label = format!("sink=\"ending\",credential=\"{credential}\"");
        assert!(metrics.contains(&label), "{credential} is not in {metrics}");
    }

    show(&sandbox, kafka.client_until("cameras", day_in(40)?)?).await?;
    sandbox
        .until("ending", "without a warning", |sink| {
            sink.status.as_ref().is_some_and(|status| status.warnings.is_empty())
        })
        .await?;
    sandbox.finish().await
}
