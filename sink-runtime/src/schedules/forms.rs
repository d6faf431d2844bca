//! Pure. `Forms`: the two mappings that the members are run with in turn. What one made, the other does not find.

use std::sync::Arc;

use crate::map::{Mapper, fingerprint};

/// Where the two put what they make; the rest is the same.
const PREFIXES: [&str; 2] = ["", "new/"];

/// One mapping.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) fingerprint: String,
    pub(super) mapper: Arc<Mapper>,
}

/// Both mappings, and the one that members are started with.
#[derive(Clone, Debug)]
pub(super) struct Forms {
    all: [Arc<Form>; 2],
    in_force: usize,
    /// The one that holds as soon as every member has ended.
    next: Option<usize>,
}

impl Forms {
    pub(super) fn new() -> Self {
        let form = |prefix| {
            let text = format!(
                "{{entry: '{prefix}{{key}}/{{partition}}', timestamp: {{from: Message}}, labels: {{headers: {{policy: All}}}}, contentType: {{default: a/b}}}}"
            );
            let mapping = serde_saphyr::from_str(&text).unwrap();
            let (fingerprint, mapper) = (fingerprint(&mapping), Mapper::new(&mapping, 1).unwrap());
            Arc::new(Form { fingerprint, mapper })
        };
        Self { all: PREFIXES.map(form), in_force: 0, next: None }
    }

    /// Returns the one that members are started with.
    pub(super) fn in_force(&self) -> &Arc<Form> {
        &self.all[self.in_force]
    }

    /// Tells whether members are to end, so that all of them begin with another one.
    pub(super) fn is_changing(&self) -> bool {
        self.next.is_some()
    }

    /// Wishes for the one that is not in force.
    pub(super) fn wish_other(&mut self) {
        self.next = Some(1 - self.in_force);
    }

    /// Wishes for the one with a fingerprint; tells whether that is another one than that in force.
    pub(super) fn wish(&mut self, fingerprint: &str) -> bool {
        let named = self.all.iter().position(|form| form.fingerprint == fingerprint);
        self.next = named.filter(|named| *named != self.in_force);
        self.next.is_some()
    }

    /// Ends the change; tells whether another one is in force now.
    pub(super) fn change(&mut self) -> bool {
        let next = self.next.take();
        self.in_force = next.unwrap_or(self.in_force);
        next.is_some()
    }
}

/// Tells whether an entry is the one that either mapping makes of a key.
pub(super) fn is_entry_of(entry: &str, key: &str) -> bool {
    PREFIXES.iter().any(|prefix| entry == format!("{prefix}{key}/0"))
}
