//! IO: files. Manifests in `valid` are taken and those in `invalid` are refused, by the generated schema and its rules,
//! without a cluster. `README.md` beside this file says how a manifest names the message that it expects.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what is not as it should be fails the test")]

use std::path::{Path, PathBuf};
use std::{fs, io};

use kafkasink_crds::admission::{Admission, Refusal};
use kafkasink_crds::resource::KafkaSink;
use serde_json::Value;

#[test]
fn takes_every_valid_manifest() {
    let admission = Admission::new();
    for file in manifests("valid") {
        let manifest = read(&file);
        assert_eq!(admission.refusals(&manifest), [], "{}", file.display());
        serde_json::from_value::<KafkaSink>(manifest).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

#[test]
fn refuses_every_invalid_manifest_for_the_reason_it_names() {
    let admission = Admission::new();
    for file in manifests("invalid") {
        let refusals = admission.refusals(&read(&file));
        let alternatives = expected_messages(&file);
        let named = |refusal: &Refusal| {
            alternatives.iter().any(|message| refusal.to_string().contains(message.as_str()))
        };
        assert!(refusals.iter().any(named), "{}: {alternatives:?} is not in {refusals:#?}", file.display());
    }
}

#[test]
fn keeps_the_smallest_manifest_working() {
    let smallest = read(&fixtures("valid").join("smallest.yaml"));
    let sink: KafkaSink = serde_json::from_value(smallest).unwrap();
    assert_eq!(sink.metadata.name.as_deref(), Some("cameras"));
    assert_eq!(sink.spec.kafka.bootstrap_servers, ["kafka:9092"]);
    assert_eq!(sink.spec.topics.first().unwrap().name.as_str(), "cameras");
    assert_eq!(sink.spec.reduct_store.url, "http://reductstore:8383");
    assert_eq!(sink.spec.reduct_store.bucket.name.as_str(), "plant");
    assert_eq!(sink.spec.replicas, 2);
}

#[test]
fn reads_and_writes_every_field() {
    let written = read(&fixtures("valid").join("everything.yaml"));
    let sink: KafkaSink = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&sink).unwrap(), written);
}

/// Reads the alternatives out of the first line: `# refused: ONE MESSAGE | ANOTHER`.
fn expected_messages(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    let line = text.lines().next().unwrap_or_default();
    let messages = line.strip_prefix("# refused: ").unwrap_or_else(|| panic!("{}: {line:?}", file.display()));
    messages.split(" | ").map(str::to_owned).collect()
}

fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

fn manifests(folder: &str) -> Vec<PathBuf> {
    let entries: io::Result<Vec<_>> = fs::read_dir(fixtures(folder)).unwrap().collect();
    let mut files: Vec<PathBuf> = entries.unwrap().iter().map(fs::DirEntry::path).collect();
    files.sort();
    assert!(!files.is_empty(), "{folder} holds no manifests");
    files
}

fn fixtures(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder)
}
