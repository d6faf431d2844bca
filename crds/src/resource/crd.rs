//! Pure. The `CustomResourceDefinition` of `KafkaSink` as it is delivered: derived from the types, then tidied.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::core::CustomResourceExt;
use serde_json::{Map, Value};

use super::kafka_sink::KafkaSink;

/// First line of the generated file.
const HEADER: &str = "# Generated from crds/src/resource; `make generate` writes it again.\n";

/// Returns the definition as it is delivered to a cluster.
///
/// # Panics
/// Never: tidying only removes what is optional in a definition.
#[must_use]
pub fn kafka_sink_crd() -> CustomResourceDefinition {
    serde_json::from_value(tidied()).expect("a tidied definition is a definition")
}

/// Returns the definition as YAML, as it stands in `crds/kafkasinks.yaml`.
///
/// # Errors
/// The definition cannot be written as YAML, which a test rules out.
pub fn crd_yaml() -> Result<String, CrdYamlError> {
    let one_line_per_text = serde_saphyr::ser_options! { prefer_block_scalars: false };
    let yaml =
        serde_saphyr::to_string_with_options(&tidied(), one_line_per_text).map_err(CrdYamlError::Write)?;
    Ok(format!("{HEADER}{yaml}"))
}

/// The definition could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CrdYamlError {
    /// It cannot be written as YAML.
    #[error("cannot write the definition as YAML")]
    Write(#[source] serde_saphyr::ser::Error),
}

fn tidied() -> Value {
    let mut crd = serde_json::to_value(KafkaSink::crd()).expect("a definition is plain JSON");
    tidy(&mut crd);
    // Whether maps are sorted depends on the features of serde_json that other crates of a build ask for.
    crd.sort_all_objects();
    crd
}

fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            tidy_schema(object);
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        Value::Number(number) => *value = whole(number),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

/// An absent field is left out, never null: with `nullable`, rules would find fields that have no value.
/// Unsigned formats are unknown to the API server, which would warn; the bounds say the same.
fn tidy_schema(schema: &mut Map<String, Value>) {
    if schema.get("nullable").is_some_and(Value::is_boolean) {
        schema.remove("nullable");
    }
    if let Some("uint8" | "uint16" | "uint32") = schema.get("format").and_then(Value::as_str) {
        schema.insert("format".to_owned(), "int32".into());
    }
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.split_whitespace().collect::<Vec<_>>().join(" ");
    }
}

/// Bounds are floating point numbers to the derive; ours are small whole numbers.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is zero, and bounds are far below 2^53")]
fn whole(number: &serde_json::Number) -> Value {
    match number.as_f64() {
        Some(float) if float.fract() == 0.0 => (float as i64).into(),
        Some(_) | None => number.clone().into(),
    }
}
