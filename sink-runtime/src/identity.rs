//! Who this member is: its name in the group, and whether the sink wants it again. IO: small files.

use std::path::{Path, PathBuf};

use kafkasink_crds::runtime_config::parse_members;
use tracing::warn;
use uuid::Uuid;

use crate::args::Args;
use crate::kafka::Membership;

/// Ending of the file that keeps a random name.
const FILE_ENDING: &str = "instance";

/// Why a member has no name.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// There is no name and none can be kept.
    #[error("--instance-id: must be given, because a random one cannot be kept in {}", .file.display())]
    Keep {
        /// The file that would keep it.
        file: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

/// Returns this member's place in its group.
///
/// # Errors
/// No name is given and none can be kept.
pub fn membership(args: &Args) -> Result<Membership, IdentityError> {
    let instance_id = match &args.instance_id {
        Some(name) if !name.is_empty() => name.clone(),
        Some(_) | None => kept_name(&args.config)?,
    };
    let writer_id =
        args.instance_uid.clone().filter(|uid| !uid.is_empty()).unwrap_or_else(|| instance_id.clone());
    Ok(Membership { instance_id, writer_id })
}

/// Tells whether the sink will have this member again after a stop, as the members file says now.
#[must_use]
pub fn is_wanted(instance_id: &str, members_file: Option<&Path>) -> bool {
    let Some(file) = members_file else {
        return true;
    };
    match std::fs::read_to_string(file).map(|text| parse_members(&text)) {
        Ok(Some(members)) => belongs(instance_id, members),
        Ok(None) => {
            warn!(file = %file.display(), "the members file holds no number, the member keeps its partitions");
            true
        }
        Err(error) => {
            warn!(file = %file.display(), %error, "cannot read the members file, the member keeps its partitions");
            true
        }
    }
}

/// A name without a number at its end has no ordinal and always belongs.
fn belongs(instance_id: &str, members: u32) -> bool {
    let ordinal = instance_id.rsplit_once('-').and_then(|(_, ordinal)| ordinal.parse::<u32>().ok());
    ordinal.is_none_or(|ordinal| ordinal < members)
}

fn kept_name(config: &Path) -> Result<String, IdentityError> {
    let file = config.with_extension(FILE_ENDING);
    if let Ok(name) = std::fs::read_to_string(&file) {
        let name = name.trim();
        if !name.is_empty() {
            return Ok(name.to_owned());
        }
    }
    let name = format!("kafkasink-x{}", Uuid::new_v4().simple());
    std::fs::write(&file, &name).map_err(|source| IdentityError::Keep { file, source })?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::{belongs, kept_name};

    #[test]
    fn ordinal_decides_whether_a_member_belongs() {
        assert!(belongs("cameras-0", 1));
        assert!(!belongs("cameras-1", 1));
        assert!(!belongs("cameras-0", 0));
        assert!(belongs("cameras-1", 2));
        assert!(belongs("kafkasink-x0b1c7", 0), "no ordinal");
        assert!(belongs("laptop", 0), "no ordinal");
    }

    #[test]
    fn random_name_is_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.yaml");
        let name = kept_name(&config).unwrap();
        assert!(belongs(&name, 0));
        assert_eq!(kept_name(&config).unwrap(), name);
    }
}
