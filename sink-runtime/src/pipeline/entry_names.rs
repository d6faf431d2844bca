//! Pure. `EntryNames`: the name of each entry, once for all records that bear it, and what the names take.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Slot;

use crate::record::Entry;

/// What a name takes besides its bytes: its slot in a tree whose nodes are half empty at worst, and its head.
const NAME: usize = 128;

/// Names of entries, with the number of records that bear each.
#[derive(Debug, Default)]
pub(super) struct EntryNames {
    records: BTreeMap<Entry, usize>,
    bytes: usize,
}

impl EntryNames {
    /// Returns the name for one record more: the one that the others of its entry bear.
    pub(super) fn keep(&mut self, entry: Entry) -> Entry {
        match self.records.entry(entry) {
            Slot::Occupied(mut slot) => {
                *slot.get_mut() += 1;
                slot.key().clone()
            }
            Slot::Vacant(slot) => {
                self.bytes += bytes(slot.key());
                let name = slot.key().clone();
                slot.insert(1);
                name
            }
        }
    }

    /// Forgets one record; its name goes with the last.
    pub(super) fn release(&mut self, entry: &Entry) {
        let Some(records) = self.records.get_mut(entry) else {
            return;
        };
        *records -= 1;
        if *records == 0 {
            self.records.remove(entry);
            self.bytes -= bytes(entry);
        }
    }

    /// Returns the bytes that all names take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn bytes(entry: &Entry) -> usize {
    NAME + entry.as_str().len()
}

#[cfg(test)]
mod tests {
    use super::{EntryNames, NAME};
    use crate::record::Entry;

    #[test]
    fn name_is_kept_once_for_all_records_and_goes_with_the_last() {
        let mut names = EntryNames::default();
        let kept = [(), ()].map(|()| names.keep(Entry::new("cameras/0")));
        assert!(std::ptr::eq(kept[0].as_str(), kept[1].as_str()));
        assert_eq!(names.bytes(), NAME + 9);
        names.keep(Entry::new("doors/0"));
        assert_eq!(names.bytes(), 2 * NAME + 16);
        names.release(&kept[0]);
        assert_eq!(names.bytes(), 2 * NAME + 16);
        names.release(&kept[1]);
        names.release(&Entry::new("doors/0"));
        names.release(&Entry::new("never kept"));
        assert_eq!((names.bytes(), names.records.len()), (0, 0));
    }
}
