//! IO: HTTP. Asks every member of a sink for its metrics.

use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use tokio::time::Instant;

use super::exposition;
use crate::context::Context;
use crate::desired::ADMIN_PORT;
use crate::model::{MemberReport, MembersView, PodView};

/// A member that does not answer at once is asked again next time.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How many members are asked at the same time.
const CONCURRENCY: usize = 8;

/// Returns what the members of the sink with this uid say; nothing is known of `pods` that could not be listed.
pub(crate) async fn members(context: &Context, uid: &str, pods: Option<&[PodView]>) -> MembersView {
    let asked = stream::iter(pods.unwrap_or_default().to_vec()).map(|pod| ask(&context.http, pod));
    let answers: Vec<_> = asked.buffer_unordered(CONCURRENCY).collect().await;
    let reports = answers.into_iter().flatten().collect();
    context.member_memory.recall(uid, pods, reports, Instant::now())
}

async fn ask(http: &reqwest::Client, pod: PodView) -> Option<MemberReport> {
    let address = pod.address.as_deref()?;
    let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
    let url = format!("http://{host}:{ADMIN_PORT}/metrics");
    let answer = http.get(url).timeout(TIMEOUT).send().await.ok()?.error_for_status().ok()?;
    Some(exposition::read(&answer.text().await.ok()?, &pod.name, &pod.run))
}
