//! The API server's audit log: every write that it was asked for, with who asked. IO: files.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;

use crate::lab::state::KubernetesAddress;

/// Reads are many, and change nothing.
const POLICY: &str = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: None
  verbs: [get, list, watch]
- level: Metadata
";

/// The log is not cut while a run lasts: whoever reads it remembers how far.
pub(super) const LOG_MEBIBYTES_MAX: u32 = 4096;

/// A lab that stays up keeps this many logs that were cut.
pub(super) const OLD_LOGS_MAX: u32 = 1;

/// Longer than any line.
const LINE_BYTES_MAX: u64 = 1 << 18;

/// Where the API server writes down what it is asked to write, in the order of its answers. An answer is sent after that.
#[derive(Clone, Debug)]
pub struct AuditLog {
    file: PathBuf,
}

/// A place in the log.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Mark(u64);

/// A write that was asked for, whether it changed anything or not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Write {
    /// `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: String,
    /// What the client calls itself; empty where it says nothing.
    #[serde(default)]
    pub user_agent: String,
    /// What it would write; none where the request names no object or collection.
    #[serde(default)]
    pub object_ref: Object,
    /// When the request came.
    pub request_received_timestamp: Timestamp,
}

/// What a write is about.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(default)]
pub struct Object {
    /// For example `statefulsets`.
    pub resource: String,
    /// For example `status`.
    pub subresource: String,
    /// Empty where it has none.
    pub namespace: String,
    /// Empty where the request does not tell it.
    pub name: String,
}

impl AuditLog {
    /// Returns the log of an API server that the lab started.
    ///
    /// # Errors
    /// It keeps none: the lab did not start it.
    pub fn of(address: &KubernetesAddress) -> anyhow::Result<Self> {
        let folder = address.kubeconfig.parent().context("find the folder of the API server")?;
        let file = log_file(&folder.join("kubernetes"));
        anyhow::ensure!(
            file.is_file(),
            "{} is absent: stop the lab by `lab down`, and start it anew",
            file.display()
        );
        Ok(Self { file })
    }

    /// Returns the log's end as it is now.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn mark(&self) -> anyhow::Result<Mark> {
        let length = self.file.metadata().with_context(|| format!("read {}", self.file.display()))?.len();
        let near = length.saturating_sub(LINE_BYTES_MAX);
        let text = self.read_from(Mark(near))?;
        let lines = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        Ok(Mark(near + u64::try_from(lines)?))
    }

    /// Returns the writes in a namespace behind `mark` that clients of this name asked for.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn writes_in(&self, namespace: &str, mark: Mark, client: &str) -> anyhow::Result<Vec<Write>> {
        let mut writes = self.writes_since(mark, client)?;
        writes.retain(|write| write.object_ref.namespace == namespace);
        Ok(writes)
    }

    /// Returns the writes behind `mark` that clients of this name asked for; their version stands behind a `/`.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn writes_since(&self, mark: Mark, client: &str) -> anyhow::Result<Vec<Write>> {
        let text = self.read_from(mark)?;
        // The last line may be on its way.
        let whole = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        let writes = whole.map(|line| serde_json::from_slice::<Write>(line).context("read the audit log"));
        let is_of = |write: &Write| write.user_agent.split('/').next() == Some(client);
        writes.filter(|write| write.as_ref().map_or(true, is_of)).collect()
    }

    fn read_from(&self, Mark(start): Mark) -> anyhow::Result<Vec<u8>> {
        let read = || {
            let mut file = File::open(&self.file)?;
            file.seek(SeekFrom::Start(start))?;
            let mut text = Vec::new();
            file.read_to_end(&mut text)?;
            std::io::Result::Ok(text)
        };
        read().with_context(|| format!("read {}", self.file.display()))
    }
}

impl Write {
    /// Returns what it does in three words, for example `patch kafkasinks/status`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let Object { resource, subresource, .. } = &self.object_ref;
        let slash = if subresource.is_empty() { "" } else { "/" };
        format!("{} {resource}{slash}{subresource}", self.verb)
    }
}

/// Writes what the API server must have before it starts.
pub(super) fn prepare(folder: &Path) -> anyhow::Result<()> {
    let file = policy_file(folder);
    std::fs::write(&file, POLICY).with_context(|| format!("write {}", file.display()))
}

pub(super) fn policy_file(folder: &Path) -> PathBuf {
    folder.join("audit-policy.yaml")
}

pub(super) fn log_file(folder: &Path) -> PathBuf {
    folder.join("audit.log")
}

#[cfg(test)]
mod tests {
    use super::{AuditLog, Mark};

    fn line(client: &str, object: &str) -> String {
        format!(
            "{{\"kind\":\"Event\",\"stage\":\"ResponseComplete\",\"verb\":\"patch\",\"user\":{{\"username\":\"a\"}},\
             \"userAgent\":\"{client}\",{object}\"requestReceivedTimestamp\":\"2026-01-02T03:04:05.678901Z\"}}\n"
        )
    }

    #[test]
    fn only_whole_lines_of_one_client_behind_the_mark_are_returned() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditLog { file: folder.path().join("audit.log") };
        let status =
            r#""objectRef":{"resource":"kafkasinks","subresource":"status","namespace":"n","name":"a"},"#;
        std::fs::write(&log.file, line("operator/1", status)).unwrap();
        let mark = log.mark().unwrap();
        assert_ne!(mark, Mark::default());
        let more = [
            line("operator/1", status),
            line("kubectl", status),
            line("operator/1", ""),
            line("operator/1", status),
        ]
        .concat();
        let torn = more.strip_suffix('\n').unwrap();
        std::fs::write(&log.file, line("operator/1", status) + torn).unwrap();
        let writes = log.writes_since(mark, "operator").unwrap();
        let words: Vec<_> = writes.iter().map(super::Write::in_words).collect();
        assert_eq!(words, ["patch kafkasinks/status", "patch "]);
        assert_eq!(log.writes_since(Mark::default(), "operator").unwrap().len(), 3);
        assert_eq!(log.writes_in("n", mark, "operator").unwrap().len(), 1);
        assert_eq!(log.writes_in("other", mark, "operator").unwrap(), []);
    }
}
