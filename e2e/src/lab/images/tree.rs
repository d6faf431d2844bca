//! The files of an image layer, and the layer made of them. IO: reads the files that go in.
//!
//! The same files give the same bytes: sorted by path, owned by root, of no age.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::digest::{Digest, Digesting};

/// Files by their path in the image, without the leading slash.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    entries: BTreeMap<PathBuf, Entry>,
}

#[derive(Clone, Debug)]
enum Entry {
    Folder { mode: u32 },
    Text(String),
    File(PathBuf),
}

/// A compressed layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// The gzip-compressed archive.
    pub(super) bytes: Vec<u8>,
    /// Digest of these bytes: the layer's name in a registry.
    pub(super) digest: Digest,
    /// Digest of the archive before compression, which the image's configuration names.
    pub(super) content: Digest,
}

impl Tree {
    /// Adds a folder; those above a file need not be added.
    pub(super) fn folder(&mut self, path: impl AsRef<Path>, mode: u32) {
        self.insert(path.as_ref(), Entry::Folder { mode });
    }

    /// Adds a file with this text.
    pub(super) fn text(&mut self, path: impl AsRef<Path>, text: impl Into<String>) {
        self.insert(path.as_ref(), Entry::Text(text.into()));
    }

    /// Adds a file of this machine, links followed.
    pub(super) fn file(&mut self, path: impl AsRef<Path>, source: impl Into<PathBuf>) {
        self.insert(path.as_ref(), Entry::File(source.into()));
    }

    /// Adds all files of a folder of this machine, links followed.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub(super) fn files_of(&mut self, path: impl AsRef<Path>, source: &Path) -> anyhow::Result<()> {
        for entry in std::fs::read_dir(source).with_context(|| format!("list {}", source.display()))? {
            let entry = entry?;
            let (target, found) = (path.as_ref().join(entry.file_name()), entry.path());
            if found.is_dir() {
                self.files_of(target, &found)?;
            } else {
                self.file(target, found);
            }
        }
        Ok(())
    }

    /// Packs and compresses the files.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn pack(&self) -> anyhow::Result<Layer> {
        let compressor = GzEncoder::new(Digesting::new(Vec::new()), Compression::default());
        let mut archive = Builder::new(Digesting::new(compressor));
        for (path, entry) in self.with_parents() {
            entry.append(&mut archive, &path).with_context(|| format!("pack {}", path.display()))?;
        }
        let (compressed, content) = archive.into_inner()?.finish();
        let (bytes, digest) = compressed.finish()?.finish();
        Ok(Layer { bytes, digest, content })
    }

    fn insert(&mut self, path: &Path, entry: Entry) {
        self.entries.insert(path.strip_prefix("/").unwrap_or(path).to_owned(), entry);
    }

    /// An archive names a folder before what is in it; a sorted map does.
    fn with_parents(&self) -> BTreeMap<PathBuf, Entry> {
        let mut all = self.entries.clone();
        for path in self.entries.keys() {
            for folder in path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()) {
                all.entry(folder.to_owned()).or_insert(Entry::Folder { mode: 0o755 });
            }
        }
        all
    }
}

impl Entry {
    fn append<W: Write>(&self, archive: &mut Builder<W>, path: &Path) -> anyhow::Result<()> {
        match self {
            Self::Folder { mode } => {
                let mut header = header(EntryType::Directory, *mode, 0);
                archive.append_data(&mut header, path, std::io::empty())?;
            }
            Self::Text(text) => append_file(archive, path, 0o644, text.len() as u64, text.as_bytes())?,
            Self::File(source) => {
                let file =
                    std::fs::File::open(source).with_context(|| format!("open {}", source.display()))?;
                let found = file.metadata()?;
                let executable = found.permissions().mode() & 0o111 != 0;
                append_file(archive, path, if executable { 0o755 } else { 0o644 }, found.len(), file)?;
            }
        }
        Ok(())
    }
}

/// Appends a file of no age that root owns; also the shape of every file in the image's archive.
pub(super) fn append_file<W: Write>(
    archive: &mut Builder<W>,
    path: impl AsRef<Path>,
    mode: u32,
    size: u64,
    content: impl Read,
) -> std::io::Result<()> {
    archive.append_data(&mut header(EntryType::Regular, mode, size), path, content)
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::Tree;

    #[test]
    fn order_of_adding_does_not_change_the_layer() {
        let mut one = Tree::default();
        one.text("/etc/passwd", "p");
        one.text("bin/program", "b");
        let mut other = Tree::default();
        other.text("bin/program", "b");
        other.text("etc/passwd", "p");
        assert_eq!(one.pack().unwrap().digest, other.pack().unwrap().digest);
    }

    #[test]
    fn folders_come_before_their_files() {
        let mut tree = Tree::default();
        tree.text("/a/b/file", "text");
        tree.folder("/a/b", 0o700);
        let layer = tree.pack().unwrap();
        let mut archive = tar::Archive::new(GzDecoder::new(layer.bytes.as_slice()));
        let mut found = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            let path = entry.path().unwrap().display().to_string();
            found.push((path, entry.header().mode().unwrap(), text));
        }
        let expected = [("a", 0o755, ""), ("a/b", 0o700, ""), ("a/b/file", 0o644, "text")];
        assert_eq!(found, expected.map(|(path, mode, text)| (path.to_owned(), mode, text.to_owned())));
    }
}
