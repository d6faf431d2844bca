//! Builds Go programs from wrapper modules. IO: the `go` command and its module proxy.
//!
//! A wrapper is a `go.mod` and a `go.sum` of ours that pin the whole build list, so that a build today and a build
//! next year use the same sources.

use std::path::Path;

use anyhow::Context as _;

use super::command::Run;
use super::progress::Step;

/// A module of ours that pins what a program is built from.
#[derive(Clone, Copy, Debug)]
pub struct Wrapper {
    /// The text of `go.mod`.
    pub module: &'static str,
    /// The text of `go.sum`.
    pub sums: &'static str,
    /// The text of `main.go`, where the program is not a package of a dependency.
    pub main: Option<&'static str>,
}

/// One program to be built.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The package, as `go build` wants it.
    pub package: &'a str,
    /// The linker's `-X` settings: variable and value.
    pub settings: &'a [(String, String)],
}

impl Wrapper {
    /// Writes the wrapper into a folder and builds a program to `output`, without cgo.
    ///
    /// # Errors
    /// The folder cannot be written, or `go build` fails.
    pub async fn build(
        &self,
        folder: &Path,
        program: Program<'_>,
        output: &Path,
        step: &Step,
    ) -> anyhow::Result<()> {
        self.write_to(folder).await?;
        run_go("build", step)
            .args(["-trimpath", "-ldflags", &linker_flags(program.settings), "-o"])
            .arg(output)
            .arg(program.package)
            .env("GOFLAGS", "-mod=readonly -buildvcs=false")
            .dir(folder)
            .run()
            .await?;
        Ok(())
    }

    async fn write_to(&self, folder: &Path) -> anyhow::Result<()> {
        tokio::fs::create_dir_all(folder).await.with_context(|| format!("create {}", folder.display()))?;
        let files = [("go.mod", Some(self.module)), ("go.sum", Some(self.sums)), ("main.go", self.main)];
        for (name, text) in files.into_iter().filter_map(|(name, text)| Some((name, text?))) {
            let path = folder.join(name);
            tokio::fs::write(&path, text).await.with_context(|| format!("write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Installs a program that is published as a module of its own, `package@version`, into a folder.
///
/// # Errors
/// `go install` fails.
pub async fn install(folder: &Path, program: Program<'_>, version: &str, step: &Step) -> anyhow::Result<()> {
    run_go("install", step)
        .args(["-trimpath", "-ldflags", &linker_flags(program.settings)])
        .arg(format!("{}@{version}", program.package))
        .env("GOBIN", folder)
        .env("GOFLAGS", "-buildvcs=false")
        .run()
        .await?;
    Ok(())
}

/// A `go` command that is the same whatever the caller's Go settings are.
fn run_go<'a>(verb: &str, step: &'a Step) -> Run<'a> {
    Run::new("go")
        .arg(verb)
        .env("GOTOOLCHAIN", "auto")
        .env("CGO_ENABLED", "0")
        .env("GOWORK", "off")
        .step(step)
}

fn linker_flags(settings: &[(String, String)]) -> String {
    let sets = settings.iter().map(|(variable, value)| format!(" -X {variable}={value}"));
    format!("-s -w{}", sets.collect::<String>())
}
