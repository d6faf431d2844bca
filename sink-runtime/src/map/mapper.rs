//! Pure. `Mapper`: joins entry, place, labels and content type into a record, or says why there can be none.

use std::sync::Arc;

use kafkasink_crds::entry_template::{EntryTemplate, EntryTemplateError};
use kafkasink_crds::runtime_config::MappingConfig;

use super::content_type::content_type_of;
use super::entry::{EntryNames, EntryParts};
use super::header_names::HeaderNames;
use super::labels::{LabelParts, LabelRules};
use super::rejection::Rejection;
use super::timestamp::{advance, source_time};
use crate::record::{
    Header, Headers, Identity, Label, Life, Message, PlaceState, Record, TimestampUs, TopicPartition,
};

/// Most bytes of label names and values of one record: well below the store's limit for one request.
const LABEL_BYTES_MAX: usize = 200 * 1024;

/// Most labels of one record: a reader gets each as a header of a response, and clients limit those to 1,024.
const LABELS_MAX: usize = 1_010;

/// Longest name of a label in bytes: each is part of a header's name, and at 64 KiB reading one would end the store.
const LABEL_NAME_BYTES_MAX: usize = 1_024;

/// The mapping of a sink.
#[derive(Debug)]
pub struct Mapper {
    config: MappingConfig,
    template: EntryTemplate,
    labels: LabelRules,
    content_type: Arc<str>,
}

/// The mapping of one partition: the same rules with the state that its places depend on.
#[derive(Debug)]
pub struct PartitionMapper {
    mapper: Arc<Mapper>,
    entries: EntryNames,
    life: Life,
    state: Option<PlaceState>,
    header_names: HeaderNames,
}

/// Why a mapping cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum MapperError {
    /// The entry template is wrong.
    #[error("cannot use the entry template")]
    Template(#[source] EntryTemplateError),
}

impl Mapper {
    /// Returns the mapping for a sink of `topics` topics.
    ///
    /// # Errors
    /// The entry template is wrong.
    pub fn new(config: &MappingConfig, topics: usize) -> Result<Arc<Self>, MapperError> {
        let template = EntryTemplate::parse(&config.entry, topics).map_err(MapperError::Template)?;
        Ok(Arc::new(Self {
            labels: LabelRules::new(&config.labels),
            content_type: Arc::from(config.content_type.default.as_str()),
            config: config.clone(),
            template,
        }))
    }

    /// Returns the mapping of one partition, in one life of its topic, that goes on after `state`.
    #[must_use]
    pub fn partition(
        self: &Arc<Self>,
        partition: &TopicPartition,
        life: Life,
        state: Option<PlaceState>,
    ) -> PartitionMapper {
        let entries = EntryNames::new(&self.template, partition);
        let header_names = HeaderNames::default();
        PartitionMapper { mapper: Arc::clone(self), entries, life, state, header_names }
    }

    /// Returns the template of the entries' names.
    #[must_use]
    pub fn template(&self) -> &EntryTemplate {
        &self.template
    }

    /// Returns the content type of a record and the header that must become a label because it is none.
    fn content_type<'a>(&self, headers: &'a [Header]) -> (Arc<str>, Option<&'a str>) {
        let default = || Arc::clone(&self.content_type);
        let named = self.config.content_type.header.as_ref();
        let Some(header) = named.and_then(|name| headers.iter().find(|header| header.name == *name)) else {
            return (default(), None);
        };
        match content_type_of(header) {
            Some(text) if *text == *self.content_type => (default(), None),
            Some(text) => (Arc::from(text), None),
            None => (default(), Some(&header.name)),
        }
    }
}

impl PartitionMapper {
    /// Returns the record of a message. The state advances with every message that has a time.
    ///
    /// # Errors
    /// The message can never become a record.
    pub fn map(&mut self, message: &Message) -> Result<Record, Rejection> {
        let headers = match &message.headers {
            Headers::Readable(headers) => headers.as_slice(),
            Headers::Unreadable(_) => return Err(Rejection::HeaderNameUnreadable),
        };
        let source = source_time(&self.mapper.config.timestamp, message.timestamp_ms, headers)?;
        let (place, state) = advance(self.state, source, message.offset)?;
        self.state = Some(state);
        // The day is that of the source, so that a record moved past midnight stays with its day.
        let day = u64::try_from(source.microseconds.max(0)).map_or(place, TimestampUs);
        let entry = self.entries.name(EntryParts { key: message.key.as_deref(), headers, time: day })?;
        let (content_type, always) = self.mapper.content_type(headers);
        let parts = LabelParts {
            identity: Identity { life: self.life, offset: message.offset },
            key: message.key.as_ref(),
            headers,
            is_tombstone: message.value.is_none(),
            always,
        };
        let labels = self.mapper.labels.labels(parts, &mut self.header_names);
        check_size(&labels)?;
        let body = message.value.clone().unwrap_or_default();
        Ok(Record { entry, place, source, identity: parts.identity, labels, content_type, body })
    }

    /// Maps what follows as messages of this life of the topic.
    pub fn live(&mut self, life: Life) {
        self.life = life;
    }

    /// Goes on after `state`, wherever it was.
    pub fn go_back(&mut self, state: Option<PlaceState>) {
        self.state = state;
    }

    /// Takes note that the last place given in order may be this one, if it is at most `slack_us` above the one known: a
    /// record farther off was given its place by another clock.
    pub fn follow(&mut self, place: TimestampUs, slack_us: u64) {
        let is_near = |state: &&mut PlaceState| place > state.last && place <= state.last.later(slack_us);
        if let Some(state) = self.state.as_mut().filter(is_near) {
            state.last = place;
        }
    }

    /// Returns the names of headers that were stored under another name so far.
    #[must_use]
    pub fn header_names(&self) -> &HeaderNames {
        &self.header_names
    }

    /// Returns the state after the last message.
    #[must_use]
    pub fn state(&self) -> Option<PlaceState> {
        self.state
    }
}

fn check_size(labels: &[Label]) -> Result<(), Rejection> {
    if labels.len() > LABELS_MAX {
        return Err(Rejection::LabelsTooMany { count: labels.len(), count_max: LABELS_MAX });
    }
    if let Some(bytes) =
        labels.iter().map(|label| label.name.len()).find(|bytes| *bytes > LABEL_NAME_BYTES_MAX)
    {
        return Err(Rejection::LabelNameTooLong { bytes, bytes_max: LABEL_NAME_BYTES_MAX });
    }
    let bytes = labels.iter().map(|label| label.name.len() + label.value.len()).sum();
    if bytes > LABEL_BYTES_MAX {
        return Err(Rejection::LabelsTooLarge { bytes, bytes_max: LABEL_BYTES_MAX });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
