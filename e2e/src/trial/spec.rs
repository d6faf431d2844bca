//! How a member is started, and with which program. IO: the file system, to find it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;

/// How a member is started.
#[derive(Clone, Debug)]
pub struct Spec {
    /// Its instance id.
    pub name: String,
    /// The uid of its pod, where it is not its instance id.
    pub uid: Option<String>,
    /// The program, where it is not the one built beside this.
    pub program: Option<PathBuf>,
    /// The template of entries.
    pub entry: String,
    /// The topic for rejected messages; none: a rejected message holds its partition.
    pub dead_letters: Option<String>,
    /// The store's URL, where it is not the world's.
    pub store: Option<String>,
    /// What is replaced in the configuration, in order.
    pub replacements: Vec<(String, String)>,
    /// Variables of its environment.
    pub env: Vec<(String, String)>,
    /// Whether it only validates its configuration.
    pub is_check: bool,
    /// The file that takes the processes of the cgroup that it runs in.
    pub cgroup: Option<PathBuf>,
}

impl Spec {
    /// A member of this instance id, everything else as usual.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uid: None,
            program: None,
            entry: "{topic}/{partition}".to_owned(),
            dead_letters: None,
            store: None,
            replacements: Vec::new(),
            env: Vec::new(),
            is_check: false,
            cgroup: None,
        }
    }

    /// Sets the uid of its pod: a pod of the same name that came after another has another.
    #[must_use]
    pub fn uid(mut self, uid: &str) -> Self {
        self.uid = Some(uid.to_owned());
        self
    }

    /// Sets another build of the program.
    #[must_use]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Sets the template of entries.
    #[must_use]
    pub fn entry(mut self, template: &str) -> Self {
        template.clone_into(&mut self.entry);
        self
    }

    /// Sets the topic for rejected messages.
    #[must_use]
    pub fn dead_letters(mut self, topic: &str) -> Self {
        self.dead_letters = Some(topic.to_owned());
        self
    }

    /// Sets another instance id.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets another store than the world's.
    #[must_use]
    pub fn store(mut self, url: &str) -> Self {
        self.store = Some(url.to_owned());
        self
    }

    /// Replaces a text of the configuration, which must occur.
    #[must_use]
    pub fn replace(mut self, from: &str, to: &str) -> Self {
        self.replacements.push((from.to_owned(), to.to_owned()));
        self
    }

    /// Sets a variable of its environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets it run in the cgroup whose processes this file takes.
    #[must_use]
    pub fn cgroup(mut self, processes: PathBuf) -> Self {
        self.cgroup = Some(processes);
        self
    }

    /// Lets it only validate its configuration.
    #[must_use]
    pub fn check(mut self) -> Self {
        self.is_check = true;
        self
    }

    /// Returns the command that starts it with a configuration.
    pub(super) fn command(&self, config: &Path) -> anyhow::Result<Command> {
        let program = self.program.clone().map_or_else(program, Ok)?;
        let mut command = match &self.cgroup {
            None => Command::new(program),
            Some(processes) => {
                // The shell goes into the cgroup and becomes the member there.
                let mut shell = Command::new("sh");
                shell.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(processes).arg(program);
                shell
            }
        };
        command.arg("--config").arg(config).args(["--instance-id", &self.name]);
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(uid) = &self.uid {
            command.args(["--instance-uid", uid]);
        }
        if self.is_check {
            command.arg("--check");
        }
        Ok(command)
    }
}

/// Returns the runtime's program, which `make` has built beside this one, be this a program or a test.
///
/// # Errors
/// There is none.
pub fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let named = |folder: &Path| folder.join("kafkasink-runtime");
    let program = own.ancestors().skip(1).take(2).map(named).find(|program| program.is_file());
    program.with_context(|| {
        format!("find kafkasink-runtime beside {}: cargo build --workspace --bins", own.display())
    })
}
