//! What the operator says of a store's token, and what it leaves alone meanwhile.

use k8s_openapi::api::apps::v1::StatefulSet;
use serde_json::json;

use crate::sandbox::Sandbox;

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
async fn a_token_that_becomes_wrong_is_told_and_leaves_the_pods_alone() -> anyhow::Result<()> {
    let sandbox = Sandbox::start().await?;
    sandbox.apply_sink("spoilt", json!({})).await?;
    // Without controllers the pods stay unready, and the operator looks every five seconds.
    let before = sandbox.until_exists::<StatefulSet>("spoilt-sink").await?;
    sandbox.until_says("spoilt", "TargetReady=True Reconciled", &[]).await?;
    sandbox.set_token("wrong").await?;
    let refusal = format!("{} refuses the token of reductStore.tokenFrom", sandbox.store.url);
    let refused = [refusal.as_str(), "check the Secret"];
    for condition in ["TargetReady", "Ready"] {
        sandbox.until_says("spoilt", &format!("{condition}=False AuthenticationFailed"), &refused).await?;
    }
    sandbox.until_says("spoilt", "Stalled=True AuthenticationFailed", &refused).await?;
    sandbox.set_token(&sandbox.store.token.clone()).await?;
    sandbox.until_says("spoilt", "TargetReady=True Reconciled", &[]).await?;
    sandbox.until_says("spoilt", "Stalled=False Reconciled", &[]).await?;
    let after = sandbox.until_exists::<StatefulSet>("spoilt-sink").await?;
    assert_eq!(before.spec, after.spec, "the pods were touched");
    sandbox.finish().await
}
