//! Runs a command to its end, its output in a log and its last line in the progress. IO: processes.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, bail};
use tokio::fs::File;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};

use super::progress::Step;

/// Lines of output that an error quotes.
const TAIL_LINES: usize = 15;
/// A single line longer than this is cut when it is quoted.
const TAIL_LINE_CHARACTERS_MAX: usize = 400;

/// A command to be run to its end.
#[derive(Debug)]
#[must_use]
pub struct Run<'a> {
    command: Command,
    log: Option<PathBuf>,
    step: Option<&'a Step>,
}

/// What a successful command wrote.
#[derive(Debug)]
pub struct Output {
    /// Standard output, whole.
    pub stdout: String,
}

impl<'a> Run<'a> {
    /// A command found on `PATH` or by its own path; it is killed when the run is dropped.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        Self { command, log: None, step: None }
    }

    /// Adds one argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(key, value);
        self
    }

    /// Takes a variable out of its environment.
    pub fn env_remove(mut self, key: impl AsRef<OsStr>) -> Self {
        self.command.env_remove(key);
        self
    }

    /// Sets the folder that it runs in.
    pub fn dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Appends its output to a file, whose folder is created.
    pub fn log(mut self, path: impl Into<PathBuf>) -> Self {
        self.log = Some(path.into());
        self
    }

    /// Shows the last line of its output in a step.
    pub fn step(mut self, step: &'a Step) -> Self {
        self.step = Some(step);
        self
    }

    /// Runs the command to its end.
    ///
    /// # Errors
    /// It cannot be started, or it fails: then with the command line, the exit code, the last lines of the output and
    /// where the whole of it is.
    pub async fn run(mut self) -> anyhow::Result<Output> {
        let line = command_line(&self.command);
        let mut seen = Seen { step: self.step, log: open_log(self.log.as_deref()).await?, ..Seen::default() };
        let mut child = self.command.spawn().with_context(|| format!("start `{line}`"))?;
        seen.follow(&mut child).await.with_context(|| format!("read the output of `{line}`"))?;
        let status = child.wait().await.with_context(|| format!("wait for `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed: {status}{}", seen.tail_in_words(self.log.as_deref()));
        }
        Ok(Output { stdout: seen.stdout })
    }
}

/// What has been read of a command's output.
#[derive(Default)]
struct Seen<'a> {
    step: Option<&'a Step>,
    log: Option<File>,
    stdout: String,
    tail: VecDeque<String>,
}

impl Seen<'_> {
    async fn follow(&mut self, child: &mut Child) -> std::io::Result<()> {
        let mut stdout = Lines::of(child.stdout.take().expect("standard output is piped"));
        let mut stderr = Lines::of(child.stderr.take().expect("standard error is piped"));
        while !(stdout.ended && stderr.ended) {
            tokio::select! {
                line = stdout.next(), if !stdout.ended => if let Some(line) = line? {
                    self.stdout.push_str(&line);
                    self.take(&line).await?;
                },
                line = stderr.next(), if !stderr.ended => if let Some(line) = line? {
                    self.take(&line).await?;
                },
            }
        }
        Ok(())
    }

    async fn take(&mut self, line: &str) -> std::io::Result<()> {
        if let Some(log) = &mut self.log {
            log.write_all(line.as_bytes()).await?;
        }
        // A progress bar rewrites its line after a carriage return: only its last state counts.
        let last = line.trim_end().rsplit('\r').next().unwrap_or_default();
        if last.trim().is_empty() {
            return Ok(());
        }
        if let Some(step) = self.step {
            step.note(last);
        }
        if self.tail.len() == TAIL_LINES {
            self.tail.pop_front();
        }
        self.tail.push_back(last.chars().take(TAIL_LINE_CHARACTERS_MAX).collect());
        Ok(())
    }

    fn tail_in_words(&self, log: Option<&Path>) -> String {
        let mut words = String::new();
        for line in &self.tail {
            write!(words, "\n    {line}").expect("writing to a string cannot fail");
        }
        if let Some(path) = log {
            write!(words, "\n  all of it: {}", path.display()).expect("writing to a string cannot fail");
        }
        words
    }
}

/// A pipe, read line by line; a partly read line survives when the read is cancelled by `select!`.
struct Lines<R> {
    reader: BufReader<R>,
    partial: Vec<u8>,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    fn of(pipe: R) -> Self {
        Self { reader: BufReader::new(pipe), partial: Vec::new(), ended: false }
    }

    /// Returns the next line with its line end, or nothing at the end.
    async fn next(&mut self) -> std::io::Result<Option<String>> {
        self.reader.read_until(b'\n', &mut self.partial).await?;
        self.ended = self.partial.last() != Some(&b'\n');
        let line = String::from_utf8_lossy(&std::mem::take(&mut self.partial)).into_owned();
        Ok(Some(line).filter(|line| !line.is_empty()))
    }
}

async fn open_log(path: Option<&Path>) -> anyhow::Result<Option<File>> {
    let Some(path) = path else { return Ok(None) };
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.with_context(|| format!("create {}", folder.display()))?;
    }
    let file = File::options().create(true).append(true).open(path).await;
    file.map(Some).with_context(|| format!("open log {}", path.display()))
}

fn command_line(command: &Command) -> String {
    let command = command.as_std();
    let words: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsStr::to_os_string).collect();
    words.join(OsStr::new(" ")).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::Run;

    fn sh(script: &str) -> Run<'static> {
        Run::new("sh").args(["-c", script])
    }

    #[tokio::test]
    async fn returns_standard_output_alone() {
        let output = sh("echo out; echo err >&2; printf 'no line end'").run().await.unwrap();
        assert_eq!(output.stdout, "out\nno line end");
    }

    #[tokio::test]
    async fn failure_tells_command_code_last_lines_and_log() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/it.log");
        let run = sh("for i in $(seq 20); do echo line $i; done; exit 3").log(&log);
        let error = run.run().await.unwrap_err().to_string();
        for part in ["`sh -c for", "exit status: 3", "\n    line 6\n", "\n    line 20\n", "logs/it.log"] {
            assert!(error.contains(part), "{part:?} is not in {error}");
        }
        assert!(!error.contains("line 5\n"), "{error}");
        assert!(std::fs::read_to_string(log).unwrap().starts_with("line 1\n"));
    }

    #[tokio::test]
    async fn absent_program_is_named() {
        let error = Run::new("no-such-program").arg("x").run().await.unwrap_err().to_string();
        assert_eq!(error, "start `no-such-program x`");
    }
}
