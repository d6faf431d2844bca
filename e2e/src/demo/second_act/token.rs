//! A wrong token comes into the Secret and is mended. IO: processes.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use serde_json::json;

use super::Act;
use crate::demo::kubectl::{self, Kubectl};
use crate::demo::{console, pods, sinks};
use crate::lab::in_cluster::{NAMESPACE, TOKEN_SECRET};

/// What pods log that hold on to the token before, and once the Secret has it again.
const REFUSED: &str = "the changed token or authorities of the store do not work, those before stay in use";
const MENDED: &str = "the token and the authorities of the store are again those in use";

/// The arguments by which kubectl shows the logs of all sinks.
const LOGS: [&str; 6] = ["logs", "--namespace", NAMESPACE, "--selector", pods::OF_SINKS, "--prefix"];

/// Sets a wrong token, waits until operator and pods have told so, sets the right one and waits until all is well.
pub(super) async fn spoil_and_mend(act: &Act<'_>) -> Result<()> {
    let cluster = &act.stage.kubectl;
    let all_ready = async || sinks::expect_ready(cluster, "True", "Reconciled").await;
    act.wait_until("every sink is ready again", all_ready).await?;
    spoil(act).await?;
    act.catch_up().await?;
    mend(act).await
}

async fn spoil(act: &Act<'_>) -> Result<()> {
    let cluster = &act.stage.kubectl;
    console::say(
        "\nA wrong token comes into the Secret. The pods go on by the one that works, and somebody must be told.",
    )?;
    set_token(cluster, "wrong", "wrong").await?;
    let operator = act.wait_until("the operator says so", async || {
        sinks::expect_ready(cluster, "False", "AuthenticationFailed").await
    });
    let pods = act.wait_until("every pod has tried the token", async || expect_log(cluster, REFUSED).await);
    tokio::try_join!(operator, pods)?;
    cluster.show(&["get", "ksink", "--namespace", NAMESPACE]).await?;
    let message = r#"--output=jsonpath={.status.conditions[?(@.type=="Ready")].message}"#;
    cluster.show(&["get", "ksink", "weather", "--namespace", NAMESPACE, message]).await?;
    show_log(cluster, REFUSED).await
}

async fn mend(act: &Act<'_>) -> Result<()> {
    let cluster = &act.stage.kubectl;
    console::say("\nThe token is mended.")?;
    set_token(cluster, &act.stage.addresses.store_token, "$TOKEN").await?;
    let operator = act.wait_until("the operator says that every sink is ready", async || {
        sinks::expect_ready(cluster, "True", "Reconciled").await
    });
    let pods = act
        .wait_until("every pod has seen it, without a restart", async || expect_log(cluster, MENDED).await);
    tokio::try_join!(operator, pods)?;
    cluster.show(&["get", "ksink", "--namespace", NAMESPACE]).await.map(drop)
}

/// Changes the Secret as a user would; `shown` stands on the screen in the place of the token.
async fn set_token(cluster: &Kubectl, token: &str, shown: &str) -> Result<()> {
    let (secret, key) = TOKEN_SECRET;
    let args = ["patch", "secret", secret, "--namespace", NAMESPACE, "--patch"];
    let patch = |value: &str| json!({ "stringData": { key: value } }).to_string();
    let output = cluster.run(&[&args[..], &[&patch(token)]].concat()).await?;
    console::command(&kubectl::typed(&[&args[..], &[&patch(shown)]].concat()), &output)
}

/// Fails unless every pod of a sink has logged `line`.
async fn expect_log(cluster: &Kubectl, line: &str) -> Result<()> {
    let pods = pods::selected(cluster, NAMESPACE, pods::OF_SINKS).await?;
    let logs = logs(cluster).await?;
    let lines = logs.lines().filter(|logged| logged.contains(line));
    let told: BTreeSet<_> = lines.filter_map(|logged| logged.split_whitespace().next()).collect();
    ensure!(told.len() == pods.len(), "{} of {} pods have logged {line:?}", told.len(), pods.len());
    Ok(())
}

/// Shows the first such line.
async fn show_log(cluster: &Kubectl, line: &str) -> Result<()> {
    let logs = logs(cluster).await?;
    let logged = logs.lines().find(|logged| logged.contains(line)).unwrap_or_default();
    console::command(&format!("{} | grep token", kubectl::typed(&LOGS)), logged)
}

async fn logs(cluster: &Kubectl) -> Result<String> {
    // Else kubectl shows the last lines of no more than five pods.
    let all = ["--tail=-1", "--max-log-requests=20"];
    cluster.run(&[&LOGS[..], &all].concat()).await
}
