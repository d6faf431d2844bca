//! Images of one program that the lab runs beside ours: pause, `CoreDNS`, `ReductStore`. IO: compilers.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::oci::Start;
use super::recipe::{Archive, Recipe};
use super::tree::Tree;
use super::{base, libraries};
use crate::lab::cache::cached;
use crate::lab::command::Run;
use crate::lab::go::{Program, Wrapper};
use crate::lab::paths::Paths;
use crate::lab::progress::Step;
use crate::lab::{store, versions};

const PAUSE_SOURCE: &str = include_str!("../../../parts/pause/pause.c");
const PAUSE_VERSION: &str = "1";
const SIGKILL_SOURCE: &str = include_str!("../../../parts/sigkill/sigkill.c");
const SIGKILL_VERSION: &str = "1";
const COREDNS: &str = "coredns";
const COREDNS_WRAPPER: Wrapper = Wrapper {
    module: include_str!("../../../parts/coredns/go.mod"),
    sums: include_str!("../../../parts/coredns/go.sum"),
    main: Some(include_str!("../../../parts/coredns/main.go")),
};

/// Returns the program that holds namespaces open: those of pods, and of the node.
///
/// # Errors
/// The C compiler fails, or the cache cannot be written.
pub async fn pause_program(paths: &Paths, step: &Step) -> anyhow::Result<PathBuf> {
    compiled(paths, ("pause", PAUSE_VERSION), PAUSE_SOURCE, step).await
}

/// Returns the image of every pod's sandbox, which containerd's configuration names.
///
/// # Errors
/// The C compiler fails, or the cache cannot be written.
pub async fn pause(paths: &Paths, step: &Step) -> anyhow::Result<Archive> {
    let program = pause_program(paths, step).await?;
    let mut tree = Tree::default();
    tree.file("/pause", program);
    recipe("pause", PAUSE_VERSION).cached(paths, step, async { Ok(tree) }).await
}

/// Tells whether the program of `CoreDNS` is built.
#[must_use]
pub fn is_coredns_built(paths: &Paths) -> bool {
    paths.part_dir(COREDNS, versions::COREDNS).exists()
}

/// Returns the image of `CoreDNS`; the first build takes about a minute.
///
/// # Errors
/// `go build` fails, or the cache cannot be written.
pub async fn coredns(paths: &Paths, step: &Step) -> anyhow::Result<Archive> {
    let build = async |folder: PathBuf| {
        let program = Program { package: ".", settings: &[] };
        COREDNS_WRAPPER.build(&folder.join("wrapper"), program, &folder.join("coredns"), step).await
    };
    let program = cached(paths, COREDNS, versions::COREDNS, step, build).await?.join("coredns");
    let tree = with_program("/coredns", &program);
    recipe(COREDNS, versions::COREDNS).cached(paths, step, tree).await
}

/// Returns the image of `ReductStore`, with `/sigkill` in it, by which the demo kills it; the first build takes about
/// five minutes.
///
/// # Errors
/// `cargo install` or the C compiler fails, or the cache cannot be written.
pub async fn store(paths: &Paths, step: &Step) -> anyhow::Result<Archive> {
    let program = store::binary(paths, step).await?;
    let sigkill = compiled(paths, ("sigkill", SIGKILL_VERSION), SIGKILL_SOURCE, step).await?;
    let tree = async {
        let mut tree = with_program("/reductstore", &program).await?;
        tree.file("/sigkill", sigkill);
        Ok(tree)
    };
    recipe("reductstore", versions::REDUCTSTORE).cached(paths, step, tree).await
}

/// Returns a program of one file of C, which needs nothing else to run.
async fn compiled(
    paths: &Paths,
    (name, version): (&str, &str),
    source: &str,
    step: &Step,
) -> anyhow::Result<PathBuf> {
    let build = async |folder: PathBuf| {
        let file = folder.join(format!("{name}.c"));
        tokio::fs::write(&file, source).await.with_context(|| format!("write {name}.c"))?;
        let compile = Run::new("cc").args(["-O2", "-static", "-s", "-o"]).arg(folder.join(name));
        compile.arg(&file).step(step).run().await.map(drop)
    };
    Ok(cached(paths, name, version, step, build).await?.join(name))
}

/// Returns the files of an image with one program and all that it loads.
pub(super) async fn with_program(path: &str, program: &Path) -> anyhow::Result<Tree> {
    let mut tree = base::tree()?;
    tree.file(path, program);
    libraries::add(&mut tree, &[program.to_owned()], &[]).await?;
    Ok(tree)
}

/// An image whose program lies at `/<name>`.
fn recipe(name: &'static str, version: &str) -> Recipe {
    let start =
        Start { entrypoint: vec![format!("/{name}")], user: Some(base::USER.to_owned()), ..Start::default() };
    Recipe { name, tag: version.to_owned(), start }
}
