//! What the operator costs while nothing changes. IO: processes, files.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::{Instant, interval, sleep};

use super::findings::Rest;
use super::operator::{CLIENT, Operator};
use super::stage::Stage;
use crate::lab::control_plane::audit::{AuditLog, Mark, Write};

/// So long without a write but to the Lease is rest.
const QUIET: Duration = Duration::from_secs(30);
/// Then it is measured, quiet or not.
const PATIENCE: Duration = Duration::from_mins(5);
const LOOK: Duration = Duration::from_secs(1);

/// Waits for rest, then watches for so long.
pub(super) async fn watch(stage: &Stage, operator: &Operator, time: Duration) -> anyhow::Result<Rest> {
    let log = Log { file: AuditLog::of(&stage.kubernetes)?, stage };
    let came = settle(&log).await?;
    let (mark, before) = (log.file.mark()?, operator.usage()?);
    let (begun, reconciliations) = (Instant::now(), operator.reconciliations().await?);
    sleep(time).await;
    let after = operator.usage()?;
    let mut writes: BTreeMap<String, u64> = BTreeMap::new();
    for write in log.writes_since(mark)? {
        *writes.entry(write.in_words()).or_default() += 1;
    }
    Ok(Rest {
        came_after_seconds: came.as_ref().map(Duration::as_secs_f64),
        seconds: begun.elapsed().as_secs_f64(),
        writes,
        reconciliations: operator.reconciliations().await?.saturating_sub(reconciliations),
        cpu_seconds: after.cpu_seconds - before.cpu_seconds,
        threads: after.threads,
    })
}

/// The log of an API server on which others may work too.
struct Log<'a> {
    file: AuditLog,
    stage: &'a Stage,
}

impl Log<'_> {
    /// What our operator has asked for: everything of an operator where there is no other, else what is in our namespace.
    fn writes_since(&self, mark: Mark) -> anyhow::Result<Vec<Write>> {
        if self.stage.is_own {
            self.file.writes_since(mark, CLIENT)
        } else {
            self.file.writes_in(&self.stage.namespace, mark, CLIENT)
        }
    }
}

/// Waits until nothing is written; returns how long that took, nothing if it never came.
async fn settle(log: &Log<'_>) -> anyhow::Result<Option<Duration>> {
    let (begun, mut mark) = (Instant::now(), log.file.mark()?);
    let (mut quiet_since, mut looks) = (begun, interval(LOOK));
    loop {
        looks.tick().await;
        let end = log.file.mark()?;
        if log.writes_since(mark)?.iter().any(is_work) {
            quiet_since = Instant::now();
        }
        mark = end;
        if quiet_since.elapsed() >= QUIET {
            return Ok(Some(quiet_since - begun));
        }
        if begun.elapsed() >= PATIENCE {
            return Ok(None);
        }
    }
}

fn is_work(write: &Write) -> bool {
    write.object_ref.resource != "leases"
}
