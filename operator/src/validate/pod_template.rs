//! Pure. What the resource says about the pods: container resources and the template that is merged last.

use k8s_openapi::api::core::v1::{PodTemplateSpec, ResourceRequirements};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kafkasink_crds::resource::ResourcesSpec;
use serde_json::{Map, Value};

use crate::model::Problem;

/// Enough for eight partitions at full speed.
const MEMORY_LIMIT_DEFAULT: &str = "256Mi";

/// Enough for a member that waits for messages; one that writes takes what the node has left.
const CPU_REQUEST_DEFAULT: &str = "100m";

/// Returns the resources of the container.
pub(super) fn resources(spec: Option<&ResourcesSpec>) -> ResourceRequirements {
    let quantity = |name: &str, value: &str| (name.to_owned(), Quantity(value.to_owned()));
    let (requests, limits) = match spec {
        Some(spec) => (spec.requests.clone(), spec.limits.clone()),
        None => (
            [quantity("cpu", CPU_REQUEST_DEFAULT), quantity("memory", MEMORY_LIMIT_DEFAULT)].into(),
            [quantity("memory", MEMORY_LIMIT_DEFAULT)].into(),
        ),
    };
    let filled = |map: std::collections::BTreeMap<_, _>| (!map.is_empty()).then_some(map);
    ResourceRequirements { requests: filled(requests), limits: filled(limits), claims: None }
}

/// Returns the template if every field of it is one that pods have: a typo must not pass unseen.
///
/// # Errors
/// A field that does not exist, or has a value of another type.
pub(super) fn checked(template: Option<&Map<String, Value>>) -> Result<Map<String, Value>, Problem> {
    let Some(template) = template else { return Ok(Map::new()) };
    let given = Value::Object(template.clone());
    let unread =
        |error: serde_json::Error| Problem::invalid(format!("workload.podTemplate: {error}; correct it"));
    let typed: PodTemplateSpec = serde_json::from_value(given.clone()).map_err(unread)?;
    let kept = serde_json::to_value(typed).map_err(unread)?;
    match lost(&given, &kept, "workload.podTemplate") {
        None => Ok(template.clone()),
        Some(path) => {
            Err(Problem::invalid(format!("{path} is no field of a pod template; correct or remove it")))
        }
    }
}

/// The path of the first field of `given` that `kept` does not have.
fn lost(given: &Value, kept: &Value, path: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match kept.get(key) {
                Some(kept) => lost(value, kept, &path),
                None => (!is_empty(value)).then_some(path),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => (given.iter().zip(kept).enumerate())
            .find_map(|(index, (given, kept))| lost(given, kept, &format!("{path}[{index}]"))),
        (_, _) => None,
    }
}

/// Empty values say nothing and are dropped on the way.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(object) => object.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Value, checked};

    fn check(template: &str, expected: Result<(), &str>) {
        let template: Value = serde_json::from_str(template).unwrap();
        let outcome = checked(template.as_object()).map(drop).map_err(|problem| problem.message);
        assert_eq!(outcome.as_ref().copied().map_err(String::as_str), expected, "{template}");
    }

    #[test]
    fn takes_what_pods_have() {
        check(
            r#"{"spec": {"nodeSelector": {"disk": "ssd"}, "tolerations": [], "hostNetwork": false}}"#,
            Ok(()),
        );
    }

    #[test]
    fn refuses_fields_that_pods_do_not_have() {
        check(
            r#"{"spec": {"containers": [{"name": "runtime", "enviroment": []}, {"name": "x", "imag": "y"}]}}"#,
            Err(
                "workload.podTemplate.spec.containers[1].imag is no field of a pod template; correct or remove it",
            ),
        );
    }
}
