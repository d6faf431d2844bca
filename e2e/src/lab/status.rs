//! What of the lab runs, as a table. IO: reads the state.

use comfy_table::Table;
use comfy_table::presets::NOTHING;
use jiff::tz::TimeZone;

use super::daemon::Daemon;
use super::parts;
use super::paths::Paths;
use super::state::State;
use super::versions;

/// Returns a table of all running processes: part, version, address, pid, since when, log; and a line for a cluster
/// that the lab did not start.
#[must_use]
pub fn table(paths: &Paths) -> String {
    let state = parts::running(paths);
    let foreign = state.cluster.as_ref().filter(|cluster| cluster.url.is_none());
    let foreign = foreign.map(|cluster| format!("uses the cluster of {}\n", cluster.kubeconfig.display()));
    let daemons = Daemon::all(paths);
    if daemons.is_empty() {
        return format!("{}nothing of the lab runs\n", foreign.unwrap_or_default());
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(["PART", "VERSION", "ADDRESS", "PID", "SINCE", "LOG"]);
    for daemon in daemons.iter().rev() {
        table.add_row(row(daemon, &state));
    }
    format!("{}\n{}", table.trim_fmt(), foreign.unwrap_or_default())
}

fn row(daemon: &Daemon, state: &State) -> [String; 6] {
    let since = daemon.since.to_zoned(TimeZone::system()).strftime("%F %T").to_string();
    [
        daemon.name.clone(),
        version(&daemon.name).to_owned(),
        address(&daemon.name, state).unwrap_or_default(),
        daemon.identity.pid.to_string(),
        since,
        daemon.log.display().to_string(),
    ]
}

fn version(name: &str) -> &'static str {
    match name.trim_start_matches("cluster-") {
        "kafka" => versions::KAFKA,
        "reductstore" => versions::REDUCTSTORE,
        "etcd" => versions::ETCD,
        name if name.starts_with("kube") => versions::KUBERNETES,
        _ => "",
    }
}

fn address(name: &str, state: &State) -> Option<String> {
    match name {
        "kafka" => state.kafka.as_ref().map(|kafka| kafka.bootstrap.clone()),
        "reductstore" => state.store.as_ref().map(|store| store.url.clone()),
        "kube-apiserver" => state.apiserver.as_ref().and_then(|apiserver| apiserver.url.clone()),
        "cluster-kube-apiserver" => state.cluster.as_ref().and_then(|cluster| cluster.url.clone()),
        _ => None,
    }
}
