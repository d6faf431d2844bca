//! What readers find beside the records. IO: store.

use std::collections::HashMap;

use reduct_rs::ErrorCode;
use serde_json::Value;

use super::World;

impl World {
    /// Returns the attachments of an entry, by their name.
    ///
    /// # Errors
    /// The store cannot be read, or breaks its answer off because an attachment is being replaced.
    pub async fn attachments(&self, entry: &str) -> anyhow::Result<HashMap<String, Value>> {
        match self.bucket.read_attachments(entry).await {
            Err(error) if error.status() == ErrorCode::NotFound => Ok(HashMap::new()),
            attachments => Ok(attachments?),
        }
    }
}
