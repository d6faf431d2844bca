//! What the demo says to the person who started it. IO: writes to standard output.

use std::io::{Write, stdout};

use anyhow::{Context, Result};

/// Prints `text` and ends the line.
///
/// # Errors
/// Standard output is closed.
pub fn say(text: impl AsRef<str>) -> Result<()> {
    let mut out = stdout().lock();
    writeln!(out, "{}", text.as_ref()).and_then(|()| out.flush()).context("write to standard output")
}

/// Prints the title of a chapter, set apart by an empty line.
///
/// # Errors
/// Standard output is closed.
pub fn chapter(title: &str) -> Result<()> {
    say(format!("\n── {title}"))
}

/// Prints a command as a person would type it, then what it wrote, indented.
///
/// # Errors
/// Standard output is closed.
pub fn command(typed: &str, output: &str) -> Result<()> {
    say(format!("  $ {typed}"))?;
    output.trim_end().lines().try_for_each(|line| say(format!("    {line}")))
}
