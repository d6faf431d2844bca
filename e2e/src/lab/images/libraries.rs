//! The shared libraries that a program needs to run alone in an image. IO: `ldd`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::tree::Tree;
use crate::lab::Run;

/// Libraries that glibc before 2.34 loads by name when it resolves host names, so that `ldd` does not list them.
const NAME_RESOLUTION: [&str; 3] = ["libnss_dns.so.2", "libnss_files.so.2", "libresolv.so.2"];

/// Adds what these programs or libraries load to a tree, at the paths where this machine has them. What they load from
/// `own` folders is in the tree already.
///
/// # Errors
/// A library is not installed on this machine, or `ldd` cannot be run.
pub(super) async fn add(tree: &mut Tree, programs: &[PathBuf], own: &[PathBuf]) -> anyhow::Result<()> {
    let mut libraries = BTreeSet::new();
    for program in programs {
        libraries.extend(loaded_by(program, own).await?);
    }
    libraries.retain(|library| !is_in(library, own));
    let beside_libc =
        libraries.iter().find(|path| path.ends_with("libc.so.6")).and_then(|path| path.parent());
    let by_name: Vec<PathBuf> = beside_libc
        .into_iter()
        .flat_map(|folder| NAME_RESOLUTION.map(|name| folder.join(name)))
        .filter(|path| path.exists())
        .collect();
    for library in libraries.into_iter().chain(by_name) {
        tree.file(&library, &library);
    }
    Ok(())
}

/// `ldd` gives a program's path to its own libraries as `bin/../lib`.
fn is_in(library: &Path, folders: &[PathBuf]) -> bool {
    let folder = library.parent().and_then(|folder| folder.canonicalize().ok());
    folder.is_some_and(|folder| folders.iter().any(|own| own.canonicalize().is_ok_and(|own| own == folder)))
}

async fn loaded_by(program: &Path, own: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let own = std::env::join_paths(own).context("join the folders of libraries")?;
    let output = match Run::new("ldd").arg(program).env("LD_LIBRARY_PATH", own).run().await {
        Ok(output) => output.stdout,
        // A static program needs nothing.
        Err(cause) if format!("{cause:#}").contains("not a dynamic executable") => return Ok(Vec::new()),
        Err(cause) => return Err(cause),
    };
    parse(&output).with_context(|| format!("find the libraries of {}", program.display()))
}

/// Reads `name => /path (address)` and `/path/of/the/loader (address)`; the kernel's own library has no path.
fn parse(ldd: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut libraries = Vec::new();
    for line in ldd.lines().map(str::trim) {
        if line.ends_with("=> not found") {
            bail!("{line}");
        }
        let path = line.split_once("=> ").map_or(line, |(_, path)| path);
        if path.starts_with('/') {
            libraries.push(path.split(' ').next().unwrap_or(path).into());
        }
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;

    #[test]
    fn libraries_and_loader_are_found() {
        let ldd = "\tlinux-vdso.so.1 (0x7f)\n\tlibc.so.6 => /lib/libc.so.6 (0x7f)\n\t/lib64/ld.so.2 (0x7f)\n";
        assert_eq!(parse(ldd).unwrap(), [Path::new("/lib/libc.so.6"), Path::new("/lib64/ld.so.2")]);
        assert!(parse("\tstatically linked\n").unwrap().is_empty());
    }

    #[test]
    fn absent_library_is_named() {
        let error = parse("\tlibx.so => not found\n").unwrap_err();
        assert_eq!(error.to_string(), "libx.so => not found");
    }
}
