//! The configuration that a member is started with. Pure.

use std::path::Path;

use anyhow::ensure;

use super::spec::Spec;

/// What a sink is given by the world it is in.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// Name of the sink, of its topic and of its group.
    pub sink: &'a str,
    /// Where Kafka is.
    pub bootstrap: &'a str,
    /// Where the store is, unless the member is given another.
    pub store_url: &'a str,
    /// The bucket.
    pub bucket: &'a str,
    /// The file with the token.
    pub token_file: &'a Path,
}

/// Returns the text of a `RuntimeConfig` as the operator would write it.
///
/// # Errors
/// A text that `spec` replaces does not occur.
pub fn yaml(place: &Place<'_>, spec: &Spec) -> anyhow::Result<String> {
    spec.replacements.iter().try_fold(usual(place, spec), |yaml, (from, to)| {
        ensure!(yaml.contains(from), "{from} is not in the configuration");
        Ok(yaml.replace(from, to))
    })
}

fn usual(place: &Place<'_>, spec: &Spec) -> String {
    let Place { sink, bootstrap, store_url, bucket, token_file } = place;
    let (url, token_file) = (spec.store.as_deref().unwrap_or(store_url), token_file.display());
    let rejected = match &spec.dead_letters {
        Some(topic) => format!("onRejected: DeadLetter, deadLetterTopic: {topic}"),
        None => "onRejected: Block".to_owned(),
    };
    format!(
        "schemaVersion: 1
sink: {{namespace: e2e, name: {sink}, uid: none}}
kafka: {{bootstrapServers: ['{bootstrap}'], groupId: {sink}, startFrom: Earliest}}
topics: [{{name: {sink}}}]
reductStore: {{url: '{url}', bucket: {bucket}, tokenFile: {token_file}}}
mapping:
  entry: '{}'
  timestamp: {{from: Message}}
  labels: {{headers: {{policy: All}}, key: {{label: kafka_key, encoding: Percent}}, static: {{site: north}}}}
  contentType: {{default: application/octet-stream, header: content-type}}
delivery: {{batchRecordsMax: 80, batchBytesMax: 8388608, batchDelayMs: 100, commitDelayMs: 500, {rejected}}}
logLevel: Info
",
        spec.entry,
    )
}
