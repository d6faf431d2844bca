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

/// The suffixes of quantities, and what they multiply by.
const SUFFIXES: [(&str, f64); 15] = [
    ("Ki", 1_024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
];

/// Returns the resources of the container: as declared, each part that is absent by its default. A default gives way where
/// it would contradict what is declared, since Kubernetes refuses a request above its limit.
pub(super) fn resources(spec: Option<&ResourcesSpec>) -> ResourceRequirements {
    let ResourcesSpec { mut requests, mut limits } = spec.cloned().unwrap_or_default();
    let default = |value: &str| Quantity(value.to_owned());
    if !limits.contains_key("memory") {
        let limit = requests.get("memory").cloned();
        let limit = limit.filter(|request| exceeds(request, &default(MEMORY_LIMIT_DEFAULT)));
        limits.insert("memory".to_owned(), limit.unwrap_or_else(|| default(MEMORY_LIMIT_DEFAULT)));
    }
    if let Some(limit) = limits.get("memory") {
        // All of it is taken under load: what is not granted may be gone when it is needed.
        requests.entry("memory".to_owned()).or_insert_with(|| limit.clone());
    }
    let limit = limits.get("cpu").filter(|limit| exceeds(&default(CPU_REQUEST_DEFAULT), limit));
    requests
        .entry("cpu".to_owned())
        .or_insert_with(|| limit.cloned().unwrap_or_else(|| default(CPU_REQUEST_DEFAULT)));
    ResourceRequirements { requests: Some(requests), limits: Some(limits), claims: None }
}

/// Tells whether one quantity is larger than the other; false where one of them is none.
fn exceeds(one: &Quantity, other: &Quantity) -> bool {
    amount(one).zip(amount(other)).is_some_and(|(one, other)| one > other)
}

/// Reads `0.5`, `500m`, `256Mi`, `1e9`.
fn amount(Quantity(text): &Quantity) -> Option<f64> {
    let scaled = |(suffix, factor): &(&str, f64)| {
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        Some(number * factor)
    };
    text.parse().ok().or_else(|| SUFFIXES.iter().find_map(scaled))
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
    use serde_json::json;

    use super::{Value, checked, resources};

    fn check_resources(declared: Value, expected: &Value) {
        let declared = serde_json::from_value(declared).unwrap();
        assert_eq!(serde_json::to_value(resources(Some(&declared))).unwrap(), *expected);
    }

    #[test]
    fn each_absent_resource_has_its_default() {
        let whole =
            json!({ "requests": { "cpu": "100m", "memory": "256Mi" }, "limits": { "memory": "256Mi" } });
        assert_eq!(serde_json::to_value(resources(None)).unwrap(), whole);
        check_resources(json!({}), &whole);
        check_resources(
            json!({ "requests": { "cpu": "2" } }),
            &json!({ "requests": { "cpu": "2", "memory": "256Mi" }, "limits": { "memory": "256Mi" } }),
        );
        check_resources(
            json!({ "limits": { "cpu": "2" } }),
            &json!({
                "requests": { "cpu": "100m", "memory": "256Mi" },
                "limits": { "cpu": "2", "memory": "256Mi" },
            }),
        );
        check_resources(
            json!({ "requests": { "ephemeral-storage": "1Gi" } }),
            &json!({
                "requests": { "cpu": "100m", "memory": "256Mi", "ephemeral-storage": "1Gi" },
                "limits": { "memory": "256Mi" },
            }),
        );
    }

    #[test]
    fn defaults_give_way_to_what_is_declared() {
        let memory = |request: &str, limit: &str| json!({ "requests": { "cpu": "100m", "memory": request }, "limits": { "memory": limit } });
        check_resources(json!({ "limits": { "memory": "512Mi" } }), &memory("512Mi", "512Mi"));
        check_resources(json!({ "limits": { "memory": "128Mi" } }), &memory("128Mi", "128Mi"));
        check_resources(json!({ "requests": { "memory": "128Mi" } }), &memory("128Mi", "256Mi"));
        for large in ["1Gi", "0.5Gi", "+512M", "1e9", "268435457"] {
            check_resources(json!({ "requests": { "memory": large } }), &memory(large, large));
        }
        for small in ["268435456", "0.25Gi", "200M", "1e8", ".2Gi"] {
            check_resources(json!({ "requests": { "memory": small } }), &memory(small, "256Mi"));
        }
        for cpu in ["50m", "0.05", "50000u"] {
            check_resources(
                json!({ "limits": { "cpu": cpu } }),
                &json!({
                    "requests": { "cpu": cpu, "memory": "256Mi" },
                    "limits": { "cpu": cpu, "memory": "256Mi" },
                }),
            );
        }
    }

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
