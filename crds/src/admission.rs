//! Pure. What the API server says of a manifest before it stores it: the schema and the rules of the definition, without a
//! cluster.
//!
//! Not covered, because only a cluster knows it: the form of `metadata` beyond the name, policies and webhooks of the
//! cluster, quotas, how much a rule may cost, and whether other objects are in the way.

use kube::core::cel::{ErrorKind, ValidationError as BrokenRule, Validator};
use serde_json::{Map, Value};

use crate::resource::kafka_sink_crd;

/// What a manifest may hold at its top.
const TOP: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Where, as a JSON pointer: `/spec/topics/0/name`.
    pub pointer: String,
    /// Why.
    pub message: String,
}

/// The rules of the definition, ready to be asked.
pub struct Admission {
    schema: Value,
    spec: jsonschema::Validator,
}

impl Refusal {
    fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }

    /// Returns the field as Kubernetes writes it: `spec.topics[0].name`.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        for segment in self.pointer.split('/').skip(1) {
            if segment.bytes().all(|byte| byte.is_ascii_digit()) {
                field.extend(["[", segment, "]"]);
                continue;
            }
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
        field
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}: {}", self.field(), self.message)
    }
}

impl Admission {
    /// Returns the rules of this version of the definition.
    ///
    /// # Panics
    /// Never: the definition is generated, and tests read it.
    #[must_use]
    pub fn new() -> Self {
        let version =
            kafka_sink_crd().spec.versions.into_iter().next().expect("the definition has a version");
        let schema = version.schema.and_then(|schema| schema.open_api_v3_schema);
        let schema = serde_json::to_value(schema).expect("a schema is JSON");
        let mut spec = schema.pointer("/properties/spec").cloned().expect("the definition has a spec");
        refuse_unknown_fields(&mut spec);
        let spec = jsonschema::draft4::new(&spec).expect("the schema of the definition is one");
        Self { schema, spec }
    }

    /// Returns everything for which the API server would refuse the manifest of a `KafkaSink`.
    #[must_use]
    pub fn refusals(&self, manifest: &Value) -> Vec<Refusal> {
        let spec = manifest.get("spec").unwrap_or(&Value::Null);
        let mut refusals = at_the_top(manifest);
        refusals.extend(self.spec.iter_errors(spec).flat_map(|error| of_schema(&error)));
        let is_well_formed = refusals.is_empty();
        if let Err(broken) = Validator::new().validate(&self.schema, manifest, None) {
            // A rule that stumbles over a field of the wrong form says nothing new.
            let tells = |rule: &&BrokenRule| is_well_formed || rule.kind == ErrorKind::ValidationFailure;
            refusals.extend(broken.iter().filter(tells).map(of_rule));
        }
        if let Some(schema) = self.schema.pointer("/properties/spec") {
            find_duplicates(schema, spec, "/spec", &mut refusals);
        }
        refusals
    }
}

impl Default for Admission {
    fn default() -> Self {
        Self::new()
    }
}

/// What is wrong before the spec is looked at.
fn at_the_top(manifest: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let metadata = |field: &str| manifest.pointer(&format!("/metadata/{field}")).and_then(Value::as_str);
    if metadata("name").or(metadata("generateName")).is_none() {
        refusals.push(Refusal::new("/metadata", "name or generateName is required"));
    }
    let fields = manifest.as_object().into_iter().flat_map(Map::keys);
    for field in fields.filter(|field| !TOP.contains(&field.as_str())) {
        refusals.push(Refusal::new(format!("/{field}"), format!("unknown field \"{field}\"")));
    }
    refusals
}

fn of_schema(error: &jsonschema::ValidationError<'_>) -> Vec<Refusal> {
    let pointer = format!("/spec{}", error.instance_path());
    if let jsonschema::error::ValidationErrorKind::AdditionalProperties { unexpected } = error.kind() {
        let unknown = |field: &String| {
            let refusal = Refusal::new(format!("{pointer}/{field}"), "");
            Refusal { message: format!("unknown field \"{}\"", refusal.field()), ..refusal }
        };
        return unexpected.iter().map(unknown).collect();
    }
    vec![Refusal::new(pointer, error.to_string())]
}

fn of_rule(rule: &BrokenRule) -> Refusal {
    let path = rule.field_path.trim_start_matches('.').replace('[', ".").replace(']', "");
    let segments = path.split('.').filter(|segment| !segment.is_empty());
    let pointer: String = segments.flat_map(|segment| ["/", segment]).collect();
    Refusal::new(pointer, rule.message.clone())
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
fn find_duplicates(schema: &Value, value: &Value, pointer: &str, refusals: &mut Vec<Refusal>) {
    let child = |of: &str, name: &str| schema.get(of).and_then(|all| all.get(name)).unwrap_or(&Value::Null);
    for (name, field) in value.as_object().into_iter().flatten() {
        find_duplicates(child("properties", name), field, &format!("{pointer}/{name}"), refusals);
    }
    let Some(items) = value.as_array() else { return };
    let of_items = schema.get("items").unwrap_or(&Value::Null);
    for (index, item) in items.iter().enumerate() {
        find_duplicates(of_items, item, &format!("{pointer}/{index}"), refusals);
    }
    let Some(keys) = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_array) else { return };
    let mut seen = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let names = keys.iter().filter_map(Value::as_str);
        let key: Map<_, _> = names.filter_map(|key| Some((key.to_owned(), item.get(key)?.clone()))).collect();
        if seen.contains(&key) {
            let message = format!("Duplicate value: {}", Value::Object(key.clone()));
            refusals.push(Refusal::new(format!("{pointer}/{index}"), message));
        }
        seen.push(key);
    }
}
