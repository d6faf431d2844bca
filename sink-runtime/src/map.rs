//! Pure. Message in, record out: entry, place in time, labels and content type of each record.

mod content_type;
mod entry;
mod fingerprint;
mod label_name;
mod labels;
mod mapper;
mod percent;
mod rejection;
mod timestamp;

pub use content_type::is_legal_content_type;
pub use fingerprint::fingerprint;
pub use label_name::is_legal_label_name;
pub use mapper::{Mapper, MapperError, PartitionMapper};
pub use percent::{decode, encode, is_plain};
pub use rejection::{Rejection, Stage};
pub use timestamp::advance;

#[cfg(test)]
mod properties;
