//! What the operator says of stores: where none is reached, where another server answers, of tokens and of full buckets. IO:
//! processes, Kubernetes, store.

use std::time::Duration;

use anyhow::Context as _;
use k8s_openapi::api::apps::v1::StatefulSet;
use kafkasink_crds::resource::KafkaSink;
use kafkasink_e2e::lab::secured::SecuredStore;
use kube::api::ListParams;
use reduct_rs::{Bucket, QuotaType, ReductClient};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, eventually};

const UNREACHABLE: &str = "TargetReady=False TargetUnreachable";
const TLS: &str = "TargetReady=False TlsFailed";

/// By an URL, and for an authority with what stands in Secret `secret`.
fn store(url: &str, secret: Option<&str>) -> Value {
    let ca = secret.map(|name| json!({ "caFrom": { "secretKeyRef": { "name": name, "key": "ca.crt" } } }));
    json!({ "reductStore": { "url": url, "tls": ca } })
}

#[tokio::test]
async fn tells_url_connection_and_tls_apart_and_starts_nothing() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let ((good, ca), (misnamed, misnamed_ca)) =
        (SecuredStore::start().await?, SecuredStore::misnamed().await?);
    sandbox.secret("ca", json!({ "ca.crt": ca })).await?;
    sandbox.secret("misnamed-ca", json!({ "ca.crt": misnamed_ca })).await?;
    let plain = sandbox.store.url.replace("http://", "https://");
    let secured = good.address().url.replace("https://", "http://");
    let closing = format!("https://{}", super::hangs_up().await?);
    let misses = [
        ("nameless", store("http://nobody.invalid:8383", None), UNREACHABLE, "the name does not resolve"),
        ("closed", store("http://127.0.0.1:9", None), UNREACHABLE, "connection refused"),
        ("cut-off", store(&closing, Some("ca")), UNREACHABLE, "closed without an answer"),
        ("foreign", store(&sandbox.admin_url(), None), UNREACHABLE, "is no ReductStore"),
        ("plain", store(&plain, Some("ca")), TLS, "no TLS is spoken there; write http://"),
        ("secured", store(&secured, None), TLS, "TLS is expected there; write https://"),
        ("untrusted", store(&good.address().url, None), TLS, "lab-authority, which is not trusted; let"),
        ("misnamed", store(&misnamed.address().url, Some("misnamed-ca")), TLS, "made for elsewhere.example"),
    ];
    for (name, spec, _, _) in &misses {
        sandbox.apply_sink(name, spec.clone()).await?;
    }
    for (name, _, condition, part) in &misses {
        sandbox.until_says(name, condition, &[part]).await?;
    }
    let sets = sandbox.api::<StatefulSet>().list(&ListParams::default()).await?.items;
    assert!(sets.is_empty(), "a pod starts in vain: {sets:?}");

    sandbox.set_token(&good.address().token).await?;
    sandbox.apply_sink("untrusted", store(&good.address().url, Some("ca"))).await?;
    sandbox.until_says("untrusted", "TargetReady=True Reconciled", &[]).await?;
    sandbox.finish().await
}

/// Creates a token as the store's administrator would.
async fn new_token(sandbox: &Sandbox, name: &str, permissions: Value, days: i64) -> anyhow::Result<String> {
    let end = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
    let url = format!("{}/api/v1/tokens/{}", sandbox.store.url, sandbox.unique(name));
    let request = reqwest::Client::new().post(url).bearer_auth(&sandbox.store.token);
    let request = request.json(&json!({ "permissions": permissions, "expires_at": end.to_string() }));
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(answer.get("value").and_then(Value::as_str).context("the answer has no token")?.to_owned())
}

#[tokio::test]
async fn says_of_tokens_what_they_may_not_do_and_when_they_end() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let bucket = sandbox.unique("ending");
    let rights = json!({ "full_access": false, "read": [bucket], "write": [bucket] });
    let token = new_token(&sandbox, "ending", rights, 13).await?;
    sandbox.secret("powerless", json!({ "token": token })).await?;
    sandbox.set_token(&token).await?;
    let key = |name: &str| json!({ "secretKeyRef": { "name": name, "key": "token" } });
    let spec = |admin: &str| json!({ "reductStore": { "adminTokenFrom": key(admin) } });
    sandbox.apply_sink("ending", spec("powerless")).await?;
    let powerless = ["the token of adminTokenFrom has no full access; create it"];
    sandbox.until_says("ending", "TargetReady=False BucketNotFound", &powerless).await?;

    sandbox.secret("powerful", json!({ "token": sandbox.store.token })).await?;
    sandbox.apply_sink("ending", spec("powerful")).await?;
    sandbox.until_exists::<StatefulSet>("ending-sink").await?;
    let ends = "the token of reductStore.tokenFrom expires on ";
    sandbox.until_warns("ending", "ExpiresSoon", ends).await?;
    let metric = format!(
        "kafkasink_operator_credential_expiry_timestamp_seconds{{namespace=\"{}\",sink=\"ending\",credential=\"store_token\"}}",
        sandbox.namespace
    );
    eventually(async || Ok(sandbox.metrics().await?.contains(&metric).then_some(()))).await?;

    sandbox.apply_sink("ending", spec("powerless")).await?;
    sandbox.until_warns("ending", "AdminTokenPowerless", "has no full access").await?;
    sandbox.finish().await
}

async fn fill(bucket: &Bucket, timestamp_us: u64, bytes: usize) -> anyhow::Result<()> {
    let record = bucket.write_record("filler").timestamp_us(timestamp_us);
    Ok(record.data(vec![0_u8; bytes]).send().await?)
}

#[tokio::test]
async fn says_that_a_bucket_is_full_until_it_may_hold_more() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    let client = ReductClient::builder().url(&sandbox.store.url).api_token(&sandbox.store.token);
    let client = client.timeout(Duration::from_secs(10)).build();
    let name = sandbox.unique("full-bucket");
    let bucket = client.create_bucket(&name).quota_type(QuotaType::HARD).quota_size(100_000).send().await?;
    fill(&bucket, 1, 99_100).await?;
    let quota =
        |size: &str| json!({ "reductStore": { "bucket": { "quota": { "type": "HARD", "size": size } } } });
    sandbox.apply_sink("full-bucket", quota("100000")).await?;
    let full = ["used up its HARD quota of 100000 bytes", "takes no more", "quota.size"];
    sandbox.until_says("full-bucket", "TargetReady=False BucketFull", &full).await?;
    sandbox.until_warns("full-bucket", "BucketNearlyFull", "nine tenths").await?;

    let status = async || anyhow::Ok(sandbox.api::<KafkaSink>().get("full-bucket").await?.status);
    sandbox.look_again("full-bucket").await?;
    let before = status().await?;
    fill(&bucket, 2, 300).await?;
    // The first look may have begun before.
    sandbox.look_again("full-bucket").await?;
    sandbox.look_again("full-bucket").await?;
    assert_eq!(status().await?, before, "the status changes while the bucket fills");

    sandbox.apply_sink("full-bucket", quota("1000000")).await?;
    sandbox.until_says("full-bucket", "TargetReady=True Reconciled", &[]).await?;
    sandbox.finish().await
}
