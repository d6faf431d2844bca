//! A wrong token comes into the Secret and is mended. IO: processes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Act;
use crate::demo::kubectl::Kubectl;
use crate::demo::patience::until;
use crate::demo::{console, pods, sinks};
use crate::lab::in_cluster::{NAMESPACE, TOKEN_SECRET};

/// What pods log that hold on to the token before, and once the Secret has it again.
const REFUSED: &str = "the changed token or authorities of the store do not work, those before stay in use";
const MENDED: &str = "the token and the authorities of the store are again those in use";

/// Sets a wrong token, waits until operator and pods have told so, sets the right one and waits until all is well.
pub(super) async fn spoil_and_mend(act: &Act<'_>) -> Result<()> {
    let kubectl = &act.stage.kubectl;
    let all_ready = async || sinks::expect_ready(kubectl, "True", "Reconciled").await;
    tell(act, "waits until every sink is ready again", all_ready).await?;
    spoil(act).await?;
    act.catch_up().await?;
    mend(act).await
}

async fn spoil(act: &Act<'_>) -> Result<()> {
    let kubectl = &act.stage.kubectl;
    console::say(
        "\nA wrong token comes into the Secret. The pods go on by the one that works, and somebody must be told.",
    )?;
    set_token(kubectl, "wrong", "wrong").await?;
    let operator =
        tell(act, "waits until the operator looks again, once a minute, and says so", async || {
            sinks::expect_ready(kubectl, "False", "AuthenticationFailed").await
        });
    let pods =
        tell(act, "waits until every pod has tried the token", async || expect_log(kubectl, REFUSED).await);
    tokio::try_join!(operator, pods)?;
    kubectl.show(&["get", "ksink", "--namespace", NAMESPACE]).await?;
    let message = r#"--output=jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
    kubectl.show(&["get", "ksink", "weather", "--namespace", NAMESPACE, message]).await?;
    show_log(kubectl, REFUSED).await
}

async fn mend(act: &Act<'_>) -> Result<()> {
    let kubectl = &act.stage.kubectl;
    console::say("\nThe token is mended.")?;
    set_token(kubectl, &act.stage.addresses.store_token, "$TOKEN").await?;
    let operator = tell(act, "waits until the operator says that every sink is ready", async || {
        sinks::expect_ready(kubectl, "True", "Reconciled").await
    });
    let pods = tell(act, "waits until every pod has seen it, without a restart", async || {
        expect_log(kubectl, MENDED).await
    });
    tokio::try_join!(operator, pods)?;
    kubectl.show(&["get", "ksink", "--namespace", NAMESPACE]).await.map(drop)
}

async fn tell(act: &Act<'_>, title: &str, look: impl AsyncFnMut() -> Result<()>) -> Result<()> {
    let step = act.progress.step(title);
    until(title.trim_start_matches("waits until "), look).await?;
    step.done();
    Ok(())
}

/// Changes the Secret as a user would; `shown` stands on the screen in the place of the token.
async fn set_token(kubectl: &Kubectl, token: &str, shown: &str) -> Result<()> {
    let (secret, key) = TOKEN_SECRET;
    let patch = |value: &str| json!({ "stringData": { key: value } }).to_string();
    let output =
        kubectl.run(&["patch", "secret", secret, "--namespace", NAMESPACE, "--patch", &patch(token)]).await?;
    let typed = format!("kubectl patch secret {secret} --namespace {NAMESPACE} --patch '{}'", patch(shown));
    console::command(&typed, &output)
}

/// Fails unless every pod of a sink has logged `line`.
async fn expect_log(kubectl: &Kubectl, line: &str) -> Result<()> {
    let pods = pods::selected(kubectl, NAMESPACE, pods::OF_SINKS).await?;
    let logs = logs(kubectl).await?;
    let lines = logs.lines().filter(|logged| logged.contains(line));
    let told: BTreeSet<_> = lines.filter_map(|logged| logged.split_whitespace().next()).collect();
    ensure!(told.len() == pods.len(), "{} of {} pods have logged {line:?}", told.len(), pods.len());
    Ok(())
}

/// Shows the first such line.
async fn show_log(kubectl: &Kubectl, line: &str) -> Result<()> {
    let logs = logs(kubectl).await?;
    let logged = logs.lines().find(|logged| logged.contains(line)).unwrap_or_default();
    let selector = pods::OF_SINKS;
    console::command(&format!("kubectl logs --selector {selector} --namespace {NAMESPACE} --prefix"), logged)
}

async fn logs(kubectl: &Kubectl) -> Result<String> {
    let all = ["--prefix", "--tail=-1", "--max-log-requests=20"];
    let args = ["logs", "--namespace", NAMESPACE, "--selector", pods::OF_SINKS];
    kubectl.run(&[&args[..], &all[..]].concat()).await
}
