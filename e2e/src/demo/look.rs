//! Shows what is there with the tools a user has: kubectl, curl, reduct-py. IO: processes.

use anyhow::{Context, Result};

use super::console;
use super::kubectl::Kubectl;
use super::stage::Stage;
use crate::lab::in_cluster::NAMESPACE;
use crate::lab::preflight::Need;
use crate::lab::{Paths, Progress, Run, python};

/// Lines of `kubectl describe` that are shown from a heading on.
const EXCERPT_LINES: usize = 24;

/// One record of the weather, as one would read it in Python.
const READ_ONE: &str = r#"
import asyncio, sys
from reduct import Client

async def main():
    async with Client(sys.argv[1], api_token=sys.argv[2]) as client:
        bucket = await client.get_bucket("readings")
        async for record in bucket.query("weather/*", start=0, stop="2100-01-01T00:00:00Z", when={"$limit": 1}):
            print(record.entry, record.timestamp, record.labels, await record.read_all())

asyncio.run(main())
"#;

/// Shows the sinks by `kubectl get` and one of them, with its Events, by `kubectl describe`.
///
/// # Errors
/// kubectl fails.
pub async fn at_sinks(kubectl: &Kubectl) -> Result<()> {
    kubectl.show(&["get", "ksink", "--namespace", NAMESPACE]).await?;
    let args = ["describe", "ksink", "weather", "--namespace", NAMESPACE];
    let text = kubectl.run(&args).await?;
    let conditions = excerpt(&text, "  Conditions:", EXCERPT_LINES);
    let events = excerpt(&text, "Events:", EXCERPT_LINES);
    console::command(&format!("kubectl {}", args.join(" ")), &format!("…\n{conditions}\n…\n{events}"))
}

/// Returns what the machine must have for [`at_a_record`].
#[must_use]
pub fn needs(paths: &Paths) -> Vec<Need> {
    [vec![Need::Curl], python::needs(paths, &[python::REDUCT])].concat()
}

/// Shows one record by curl and by reduct-py.
///
/// # Errors
/// reduct-py cannot be fetched, or a tool fails.
pub async fn at_a_record(paths: &Paths, stage: &Stage) -> Result<()> {
    let step = Progress::start(1).step("gets reduct-py");
    let library = python::library(paths, python::REDUCT, &step).await?;
    step.done();
    let (url, token) = (&stage.doors.store_url, &stage.addresses.store_token);
    let authorization = format!("Authorization: Bearer {token}");
    let newest = format!("{url}/api/v1/b/readings/weather/0");
    let curl = Run::new("curl").args([
        "--silent",
        "--show-error",
        "--fail",
        "--include",
        "--header",
        &authorization,
    ]);
    let output = curl.arg(&newest).run().await?.stdout;
    console::command(&format!("curl --include --header \"Authorization: Bearer $TOKEN\" {newest}"), &output)?;
    let python = Run::new("python3").env("PYTHONPATH", library).args(["-c", READ_ONE, url, token]);
    let record = python.run().await.context("read one record by reduct-py")?.stdout;
    console::command("python: async for record in bucket.query(\"weather/*\", start=0, stop=…)", &record)
}

/// The lines of `text` from the one that begins with `heading` on, at most so many, up to the next heading.
fn excerpt(text: &str, heading: &str, lines_max: usize) -> String {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| !line.starts_with(heading));
    let first = lines.next().unwrap_or_default();
    let rest = lines.take_while(|line| indent(line) > indent(first) || line.trim().is_empty());
    std::iter::once(first).chain(rest).take(lines_max).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_ends_at_the_next_heading() {
        let text = "Name: a\nStatus:\n  Conditions:\n    Type: Ready\n    Status: True\n  Replicas: 2\nEvents:\n  Normal  Ready\n";
        assert_eq!(excerpt(text, "  Conditions:", 10), "  Conditions:\n    Type: Ready\n    Status: True");
        assert_eq!(excerpt(text, "Events:", 10), "Events:\n  Normal  Ready");
        assert_eq!(excerpt(text, "  Conditions:", 2), "  Conditions:\n    Type: Ready");
    }
}
