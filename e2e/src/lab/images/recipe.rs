//! How an image comes from files to an archive, once per version. IO: the cache folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::oci::{Image, Start};
use super::tree::Tree;
use crate::lab::cache::cached;
use crate::lab::paths::Paths;
use crate::lab::progress::Step;

/// Part of each cached image's key: raised when a recipe changes, so that the cache does not hold on to the old image.
const REVISION: u32 = 2;

/// An image in a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Archive {
    /// Its name with tag, as in a pod's `image`.
    pub reference: String,
    /// The file, in the OCI layout.
    pub path: PathBuf,
}

/// What an image is made of, apart from its files.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    /// The image's name, its archive's too.
    pub(super) name: &'static str,
    /// Its version.
    pub(super) tag: String,
    /// How it starts.
    pub(super) start: Start,
}

impl Recipe {
    fn reference(&self) -> String {
        format!("localhost/{}:{}", self.name, self.tag)
    }

    /// Returns the archive as [`Recipe::write`] writes it.
    pub(super) fn archive_in(&self, folder: &Path) -> Archive {
        Archive { reference: self.reference(), path: folder.join(format!("{}.tar", self.name)) }
    }

    /// Packs the files and writes the archive `<name>.tar` into a folder.
    pub(super) async fn write(self, tree: Tree, folder: &Path) -> anyhow::Result<Archive> {
        let archive = self.archive_in(folder);
        let path = archive.path.clone();
        tokio::fs::create_dir_all(folder).await.with_context(|| format!("create {}", folder.display()))?;
        let written = tokio::task::spawn_blocking(move || write_archive(&self, &tree, &path)).await?;
        written.with_context(|| format!("write image {}", archive.reference))?;
        Ok(archive)
    }

    /// Returns the archive from the cache; `tree` is awaited only if it is not there yet.
    pub(super) async fn cached(
        self,
        paths: &Paths,
        step: &Step,
        tree: impl Future<Output = anyhow::Result<Tree>>,
    ) -> anyhow::Result<Archive> {
        let (name, reference) = (self.name, self.reference());
        let version = format!("{}-{REVISION}", self.tag);
        let build = async move |folder: PathBuf| self.write(tree.await?, &folder).await.map(drop);
        let folder = cached(paths, &format!("image-{name}"), &version, step, build).await?;
        Ok(Archive { reference, path: folder.join(format!("{name}.tar")) })
    }
}

fn write_archive(recipe: &Recipe, tree: &Tree, path: &Path) -> anyhow::Result<()> {
    let labels = BTreeMap::from([
        ("org.opencontainers.image.title".to_owned(), recipe.name.to_owned()),
        ("org.opencontainers.image.version".to_owned(), recipe.tag.clone()),
    ]);
    let image =
        Image { reference: recipe.reference(), start: recipe.start.clone(), labels, layer: tree.pack()? };
    let unfinished = path.with_extension("tar.new");
    let file = std::fs::File::create(&unfinished)?;
    image.write_to(std::io::BufWriter::new(file))?;
    std::fs::rename(&unfinished, path)?;
    Ok(())
}
