//! What the operator says of a store's token, and what it leaves alone meanwhile.

use std::time::Duration;

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;
use tokio::time::Instant;

use crate::operator::sandbox::Sandbox;

/// Much shorter than the pause between two looks at a sink that is ready.
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn says_what_is_wrong_with_a_token_and_heals_when_it_is_mended() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.set_token("wrong").await?;
    sandbox.apply_sink("token", json!({})).await?;
    sandbox
        .until_says(
            "token",
            "TargetReady=False AuthenticationFailed",
            &["refuses the token of reductStore.tokenFrom"],
        )
        .await?;
    sandbox.until_says("token", "Stalled=True AuthenticationFailed", &[]).await?;
    assert_eq!(sandbox.api::<StatefulSet>().get_opt("token-sink").await?, None, "no pod starts");
    sandbox.set_token(&sandbox.store.token.clone()).await?;
    sandbox.until_exists::<StatefulSet>("token-sink").await?;
    sandbox.finish().await
}

#[tokio::test]
async fn a_token_that_becomes_wrong_is_told_at_once_and_leaves_the_pods_alone() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("spoilt", json!({})).await?;
    sandbox.until_exists::<StatefulSet>("spoilt-sink").await?;
    sandbox.play_pods("spoilt-sink").await?;
    sandbox.until_says("spoilt", "Ready=True Reconciled", &[]).await?;
    let before = sandbox.until_exists::<StatefulSet>("spoilt-sink").await?;

    // A sink that is ready is looked at once a minute: only the change itself can make it sooner.
    let changed = Instant::now();
    sandbox.set_token("wrong").await?;
    let refusal = format!("{} refuses the token of reductStore.tokenFrom", sandbox.store.url);
    // The one Secret is read for either token: for a moment only the operator's own may be the new one.
    for condition in ["Ready=False", "TargetReady=False", "Stalled=True"] {
        sandbox.until_message("spoilt", &format!("{condition} AuthenticationFailed"), &refusal).await?;
    }
    sandbox.until_says("spoilt", "WorkloadAvailable=True Reconciled", &[]).await?;
    sandbox.set_token(&sandbox.store.token.clone()).await?;
    sandbox.until_says("spoilt", "Ready=True Reconciled", &[]).await?;
    sandbox.until_says("spoilt", "Stalled=False Reconciled", &[]).await?;
    assert!(changed.elapsed() < SOON, "told and mended only after {:?}", changed.elapsed());
    let after = sandbox.until_exists::<StatefulSet>("spoilt-sink").await?;
    assert_eq!(before.spec, after.spec, "the pods were touched");
    sandbox.finish().await
}
