//! Pure but for its own memory. What was written to Kubernetes and how it looked afterwards: an object that nobody
//! changed since is not written again, and not even read again while the watches are silent about it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;
use tokio::time::Instant;

/// How long a silent watch is believed: it could be deaf.
const SILENCE_MAX: Duration = Duration::from_mins(10);

/// What was written, per sink and object. It may be lost: then everything is written once more.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    sinks: Mutex<HashMap<String, Sink>>,
    /// How often a watch began anew: what went meanwhile it does not tell.
    relists: AtomicU64,
}

#[derive(Debug, Default)]
struct Sink {
    objects: HashMap<String, Written>,
    /// How often a watch has told of its objects.
    told: u64,
    /// The news up to which its objects were read, all of them, and when.
    read: Option<(News, Instant)>,
}

/// What the watches had told at some moment: how often of a sink, and how often one of them had begun anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct News {
    told: u64,
    relists: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Written {
    content: u64,
    version: String,
}

impl Memory {
    /// Tells whether anything of the sink with this uid was written.
    pub(crate) fn knows(&self, uid: &str) -> bool {
        self.lock().contains_key(uid)
    }

    /// Forgets a sink that is gone.
    pub(crate) fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Tells whether an object that now has this metadata is as it was written, and shall be so.
    pub(crate) fn is_current(
        &self,
        uid: &str,
        label: &str,
        object: &impl Serialize,
        now: &ObjectMeta,
    ) -> bool {
        let sinks = self.lock();
        let written = sinks.get(uid).and_then(|sink| sink.objects.get(label));
        written.is_some_and(|written| *written == self::written(object, version(now)))
    }

    /// Tells the same of an object of which nothing but its [`version`] was kept.
    pub(crate) fn is_still(&self, uid: &str, label: &str, object: &impl Serialize, version: &str) -> bool {
        let sinks = self.lock();
        let written = sinks.get(uid).and_then(|sink| sink.objects.get(label));
        written.is_some_and(|written| *written == self::written(object, version.to_owned()))
    }

    /// Tells whether an object shall still be so as it was written, whatever somebody else has made of it.
    pub(crate) fn is_wanted(&self, uid: &str, label: &str, object: &impl Serialize) -> bool {
        let sinks = self.lock();
        let written = sinks.get(uid).and_then(|sink| sink.objects.get(label));
        written.is_some_and(|written| written.content == content(object))
    }

    /// Remembers an object as it was written and how it looked afterwards.
    pub(crate) fn applied(&self, uid: &str, label: &str, object: &impl Serialize, now: &ObjectMeta) {
        let mut sinks = self.lock();
        let objects = &mut sinks.entry(uid.to_owned()).or_default().objects;
        objects.insert(label.to_owned(), written(object, version(now)));
    }

    /// Takes in that a watch told of an object of the sink with this uid.
    pub(crate) fn told(&self, uid: &str) {
        if let Some(sink) = self.lock().get_mut(uid) {
            sink.told += 1;
        }
    }

    /// Takes in that a watch begins anew, or has just listed what there is.
    pub(crate) fn relisted(&self) {
        self.relists.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns what the watches have told so far of a sink's objects.
    pub(crate) fn news(&self, uid: &str) -> News {
        self.news_of(self.lock().get(uid).map_or(0, |sink| sink.told))
    }

    /// Remembers that all objects of a sink were read or written after these news.
    pub(crate) fn read(&self, uid: &str, after: News, now: Instant) {
        if let Some(sink) = self.lock().get_mut(uid) {
            sink.read = Some((after, now));
        }
    }

    /// Tells whether no object of a sink can have changed since all were read.
    pub(crate) fn is_silent(&self, uid: &str, now: Instant) -> bool {
        let sinks = self.lock();
        let Some(sink) = sinks.get(uid) else { return false };
        sink.read.is_some_and(|(news, read)| {
            news == self.news_of(sink.told) && now.duration_since(read) < SILENCE_MAX
        })
    }

    fn news_of(&self, told: u64) -> News {
        News { told, relists: self.relists.load(Ordering::Relaxed) }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Sink>> {
        self.sinks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn written(object: &impl Serialize, version: String) -> Written {
    Written { content: content(object), version }
}

fn content(object: &impl Serialize) -> u64 {
    let mut content = DefaultHasher::new();
    // Our own objects are plain JSON; one that were not would be written every time.
    serde_json::to_string(object).ok().hash(&mut content);
    content.finish()
}

/// Returns what changes when somebody else changes the object: the generation where there is one, because a status that
/// comes and goes changes the resource version too. Labels and owners change no generation.
pub(crate) fn version(now: &ObjectMeta) -> String {
    let of = |part: Option<String>| part.unwrap_or_default();
    let uid = of(now.uid.clone());
    let labels = now.labels.iter().flatten().map(|(key, value)| format!("{key}={value}"));
    let labels: Vec<_> = labels.collect();
    let owners: Vec<_> = now.owner_references.iter().flatten().map(|owner| owner.uid.as_str()).collect();
    match now.generation {
        Some(generation) => {
            format!("{uid} generation {generation} {} of {}", labels.join(","), owners.join(","))
        }
        None => format!("{uid} version {}", of(now.resource_version.clone())),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

    use super::{Instant, Memory, ObjectMeta, SILENCE_MAX, version};

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

    #[tokio::test]
    async fn reads_again_what_a_watch_has_told_of_meanwhile() {
        let (memory, start) = (Memory::default(), Instant::now());
        assert!(!memory.is_silent("u", start));
        memory.applied("u", "ConfigMap a", &"content", &metadata(None, "1"));
        let before = memory.news("u");
        memory.read("u", before, start);
        assert!(memory.is_silent("u", start));
        assert!(!memory.is_silent("u", start + SILENCE_MAX), "a watch may be deaf");
        memory.told("u");
        assert!(!memory.is_silent("u", start));
        memory.read("u", before, start);
        assert!(!memory.is_silent("u", start), "the news came while it was read");
        memory.read("u", memory.news("u"), start);
        assert!(memory.is_silent("u", start));
        memory.relisted();
        assert!(!memory.is_silent("u", start), "a watch that begins anew does not tell what went");
        memory.read("u", memory.news("u"), start);
        assert!(memory.is_silent("u", start));
        assert!(memory.is_wanted("u", "ConfigMap a", &"content"));
        assert!(!memory.is_wanted("u", "ConfigMap a", &"other"));
        assert!(!memory.is_wanted("u", "ConfigMap b", &"content"));
    }

    #[test]
    fn sees_through_changes_of_a_status() {
        let memory = Memory::default();
        memory.applied("u", "StatefulSet a", &"content", &metadata(Some(3), "10"));
        assert!(memory.is_current("u", "StatefulSet a", &"content", &metadata(Some(3), "11")));
        assert!(!memory.is_current("u", "StatefulSet a", &"content", &metadata(Some(4), "12")));
        let left = version(&metadata(Some(3), "13"));
        assert!(memory.is_still("u", "StatefulSet a", &"content", &left));
        assert!(!memory.is_still("u", "StatefulSet a", &"other", &left));
        assert!(!memory.is_still("u", "StatefulSet a", &"content", &version(&metadata(Some(4), "14"))));
    }

    #[test]
    fn sees_that_somebody_takes_an_object_away_from_its_owner() {
        let (memory, reference) =
            (Memory::default(), OwnerReference { uid: "u".into(), ..Default::default() });
        let owned = ObjectMeta { owner_references: Some(vec![reference]), ..metadata(Some(3), "10") };
        memory.applied("u", "StatefulSet a", &"content", &owned);
        assert!(memory.is_current("u", "StatefulSet a", &"content", &owned));
        assert!(!memory.is_current("u", "StatefulSet a", &"content", &metadata(Some(3), "11")));
    }
}
