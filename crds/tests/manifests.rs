//! IO: files. Manifests in `valid` are taken and those in `invalid` are refused, by the generated schema and its rules,
//! without a cluster. `README.md` beside this file says how a manifest names the message that it expects.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what is not as it should be fails the test"
)]

use std::path::{Path, PathBuf};
use std::{fs, io};

use kafkasink_crds::resource::{KafkaSink, kafka_sink_crd};
use kube::core::cel::Validator;
use serde_json::{Map, Value};

#[test]
fn takes_every_valid_manifest() {
    let admission = Admission::new();
    for file in manifests("valid") {
        let manifest = read(&file);
        assert_eq!(admission.refusals(&manifest), Vec::<String>::new(), "{}", file.display());
        serde_json::from_value::<KafkaSink>(manifest).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }
}

#[test]
fn refuses_every_invalid_manifest_for_the_reason_it_names() {
    let admission = Admission::new();
    for file in manifests("invalid") {
        let refusals = admission.refusals(&read(&file));
        let alternatives = expected_messages(&file);
        let named = |refusal: &String| alternatives.iter().any(|message| refusal.contains(message.as_str()));
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

/// What the API server would say, as far as schema and rules decide it.
struct Admission {
    schema: Value,
    spec: jsonschema::Validator,
}

impl Admission {
    fn new() -> Self {
        let crd = kafka_sink_crd();
        let version = crd.spec.versions.into_iter().next().unwrap();
        let schema = serde_json::to_value(version.schema.unwrap().open_api_v3_schema.unwrap()).unwrap();
        let mut spec = schema.pointer("/properties/spec").unwrap().clone();
        refuse_unknown_fields(&mut spec);
        let spec = jsonschema::draft4::new(&spec).unwrap();
        Self { schema, spec }
    }

    fn refusals(&self, manifest: &Value) -> Vec<String> {
        let spec = manifest.get("spec").unwrap_or(&Value::Null);
        let mut refusals: Vec<String> =
            self.spec.iter_errors(spec).map(|e| format!("spec{}: {e}", e.instance_path())).collect();
        if let Err(broken_rules) = Validator::new().validate(&self.schema, manifest, None) {
            refusals.extend(broken_rules.iter().map(ToString::to_string));
        }
        let schema = self.schema.pointer("/properties/spec").unwrap();
        find_duplicates(schema, spec, "spec", &mut refusals);
        refusals
    }
}

/// The API server prunes or refuses fields that a schema does not name, unless it says otherwise.
fn refuse_unknown_fields(schema: &mut Value) {
    let Value::Object(object) = schema else { return };
    let open = object.contains_key("x-kubernetes-preserve-unknown-fields");
    if object.contains_key("properties") && !open {
        object.insert("additionalProperties".to_owned(), false.into());
    }
    for (name, child) in object.iter_mut() {
        match (name.as_str(), child) {
            ("properties", Value::Object(properties)) => {
                properties.values_mut().for_each(refuse_unknown_fields);
            }
            ("items" | "additionalProperties", child) => refuse_unknown_fields(child),
            (_, _) => {}
        }
    }
}

/// Lists that are maps hold each key once; no JSON schema can say so.
fn find_duplicates(schema: &Value, value: &Value, path: &str, refusals: &mut Vec<String>) {
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            let child = properties.get(name).unwrap_or(&Value::Null);
            find_duplicates(child, field, &format!("{path}.{name}"), refusals);
        }
    }
    let Some(items) = value.as_array() else { return };
    for (index, item) in items.iter().enumerate() {
        find_duplicates(&schema["items"], item, &format!("{path}[{index}]"), refusals);
    }
    if let Some(keys) = schema["x-kubernetes-list-map-keys"].as_array() {
        let key_of = |item: &Value| {
            keys.iter()
                .filter_map(|key| Some((key.as_str()?.to_owned(), item.get(key.as_str()?)?.clone())))
                .collect::<Map<_, _>>()
        };
        let all: Vec<Map<_, _>> = items.iter().map(key_of).collect();
        for (index, key) in all.iter().enumerate().filter(|(index, key)| all[..*index].contains(key)) {
            refusals.push(format!("{path}[{index}]: Duplicate value: {}", Value::Object(key.clone())));
        }
    }
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
