//! The store is killed while the sinks write. IO: processes.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;

use super::Act;
use crate::demo::counters::{self, Counters};
use crate::demo::workload::WORKLOADS;
use crate::demo::{console, kubectl, pods};
use crate::lab::in_cluster::NAMESPACE;

/// What each sink has counted.
type Counted = BTreeMap<&'static str, Counters>;

/// Kills the store, waits until Kubernetes has started it again and every sink has made good what that may have cost.
pub(super) async fn kill(act: &Act<'_>, pod: &str) -> Result<()> {
    let cluster = &act.stage.kubectl;
    let before = counted(act).await?;
    console::say(
        "\nThe store is killed by SIGKILL in the midst of its writes; the kubelet starts it again on the same data.",
    )?;
    let args = ["exec", pod, "--namespace", NAMESPACE, "--", "/sigkill", "reductstore"];
    // It may take kubectl's own connection with it; whether the store was killed is asked below.
    let said = cluster.run(&args).await.map_or_else(|error| format!("{error:#}"), |_| "nothing".to_owned());
    console::command(&kubectl::typed(&args), "")?;
    act.wait_until("the store is ready again", async || {
        let store = pods::named(cluster, pod).await?;
        let was_killed = store.restarts == 1 && store.exit_code == Some(pods::KILLED);
        ensure!(was_killed && store.is_ready, "{store:?}; kubectl exec said {said}");
        Ok(())
    })
    .await?;
    cluster.show(&["get", "pod", pod, "--namespace", NAMESPACE]).await?;
    make_good(act, &before).await
}

/// Waits until every sink has read again from its safe point on and caught up, and shows what that came to.
async fn make_good(act: &Act<'_>, before: &Counted) -> Result<()> {
    console::say(
        "A kill can take back what a store has shown: each sink goes back to its safe point and asks for every record.",
    )?;
    act.wait_until("every sink has gone back to its safe point", async || {
        for (sink, Counters { recognised, rewritten }) in since(&counted(act).await?, before) {
            ensure!(recognised + rewritten > 0, "{sink} has asked for no record yet");
        }
        Ok(())
    })
    .await?;
    act.catch_up().await?;
    console::say(table(&since(&counted(act).await?, before)))
}

async fn counted(act: &Act<'_>) -> Result<Counted> {
    let mut counted = Counted::new();
    for workload in &WORKLOADS {
        counted.insert(workload.name, counters::of(&act.stage.kubectl, workload.name).await?);
    }
    Ok(counted)
}

fn since(now: &Counted, before: &Counted) -> Counted {
    let earlier = |sink| before.get(sink).copied().unwrap_or_default();
    now.iter().map(|(sink, counters)| (*sink, counters.since(earlier(sink)))).collect()
}

fn table(counted: &Counted) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY);
    table.set_header(["sink", "read again and found in the store", "lost by the store and written again"]);
    for (sink, Counters { recognised, rewritten }) in counted {
        table.add_row([(*sink).to_owned(), recognised.to_string(), rewritten.to_string()]);
    }
    table.to_string()
}
