//! Pure but for its own memory. What was written to Kubernetes and how it looked afterwards: an object that nobody
//! changed since is not written again.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// What was written, per sink and object. It may be lost: then everything is written once more.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    sinks: Mutex<HashMap<String, HashMap<String, Written>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    content: u64,
    version: String,
}

impl Memory {
    /// Tells whether anything of the sink with this uid was written.
    pub(crate) fn knows(&self, uid: &str) -> bool {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).contains_key(uid)
    }

    /// Forgets a sink that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
    }

    /// Tells whether an object that now has this metadata is as it was written, and shall be so.
    pub(crate) fn is_current(
        &self,
        uid: &str,
        label: &str,
        object: &impl Serialize,
        now: &ObjectMeta,
    ) -> bool {
        let sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        let written = sinks.get(uid).and_then(|objects| objects.get(label));
        written.is_some_and(|written| *written == self::written(object, now))
    }

    /// Remembers an object as it was written and how it looked afterwards.
    pub(crate) fn applied(&self, uid: &str, label: &str, object: &impl Serialize, now: &ObjectMeta) {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.entry(uid.to_owned()).or_default().insert(label.to_owned(), written(object, now));
    }
}

fn written(object: &impl Serialize, now: &ObjectMeta) -> Written {
    let mut content = DefaultHasher::new();
    // Our own objects are plain JSON; one that were not would be written every time.
    serde_json::to_string(object).ok().hash(&mut content);
    Written { content: content.finish(), version: version(now) }
}

/// What changes when somebody else changes the object: the generation where there is one, because a status that comes
/// and goes changes the resource version too.
fn version(now: &ObjectMeta) -> String {
    let of = |part: Option<String>| part.unwrap_or_default();
    let uid = of(now.uid.clone());
    let labels = now.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let labels: Vec<_> = labels.collect();
    match now.generation {
        Some(generation) => format!("{uid} generation {generation} {}", labels.join(",")),
        None => format!("{uid} version {}", of(now.resource_version.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Memory, ObjectMeta};

    fn metadata(generation: Option<i64>, resource_version: &str) -> ObjectMeta {
        ObjectMeta {
            generation,
            resource_version: Some(resource_version.to_owned()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn writes_again_only_what_changed_on_either_side() {
        let memory = Memory::default();
        memory.applied("u", "ConfigMap a", &"content", &metadata(None, "1"));
        assert!(memory.is_current("u", "ConfigMap a", &"content", &metadata(None, "1")));
        assert!(!memory.is_current("u", "ConfigMap a", &"content", &metadata(None, "2")));
        assert!(!memory.is_current("u", "ConfigMap a", &"other", &metadata(None, "1")));
        assert!(!memory.is_current("u", "ConfigMap b", &"content", &metadata(None, "1")));
    }

    #[test]
    fn sees_through_changes_of_a_status() {
        let memory = Memory::default();
        memory.applied("u", "StatefulSet a", &"content", &metadata(Some(3), "10"));
        assert!(memory.is_current("u", "StatefulSet a", &"content", &metadata(Some(3), "11")));
        assert!(!memory.is_current("u", "StatefulSet a", &"content", &metadata(Some(4), "12")));
    }
}
