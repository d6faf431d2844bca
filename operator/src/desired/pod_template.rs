//! Pure. Merges the resource's `workload.podTemplate` over ours, last: what it says holds.
//!
//! Objects are merged key by key; lists of named things (containers, volumes, environment) by name; every other list
//! is replaced.

use k8s_openapi::api::core::v1::PodTemplateSpec;
use serde_json::{Map, Value};

/// Returns the template with `over` merged into it.
///
/// # Errors
/// The result is no pod template.
pub(super) fn merged(
    template: PodTemplateSpec,
    over: &Map<String, Value>,
) -> Result<PodTemplateSpec, serde_json::Error> {
    if over.is_empty() {
        return Ok(template);
    }
    let mut merged = serde_json::to_value(template)?;
    merge(&mut merged, &Value::Object(over.clone()));
    serde_json::from_value(merged)
}

fn merge(base: &mut Value, over: &Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (key, value) in over {
                merge(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (Value::Array(base), Value::Array(over)) if over.iter().all(|item| name(item).is_some()) => {
            for item in over {
                merge_named(base, item);
            }
        }
        (base, over) => over.clone_into(base),
    }
}

fn merge_named(base: &mut Vec<Value>, item: &Value) {
    match base.iter_mut().find(|candidate| name(candidate) == name(item)) {
        Some(found) => merge(found, item),
        None => base.push(item.clone()),
    }
}

fn name(item: &Value) -> Option<&str> {
    item.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::{Value, merge};

    fn check(base: &str, over: &str, expected: &str) {
        let [mut base, over, expected] =
            [base, over, expected].map(|text| serde_json::from_str::<Value>(text).unwrap());
        merge(&mut base, &over);
        assert_eq!(base, expected);
    }

    #[test]
    fn merges_objects_by_key_and_named_lists_by_name() {
        check(
            r#"{"a": 1, "env": [{"name": "X", "value": "1"}, {"name": "Y"}]}"#,
            r#"{"b": 2, "env": [{"name": "X", "value": "2"}, {"name": "Z"}]}"#,
            r#"{"a": 1, "b": 2, "env": [{"name": "X", "value": "2"}, {"name": "Y"}, {"name": "Z"}]}"#,
        );
    }

    #[test]
    fn replaces_other_lists() {
        check(r#"{"args": ["a", "b"]}"#, r#"{"args": ["c"]}"#, r#"{"args": ["c"]}"#);
    }
}
