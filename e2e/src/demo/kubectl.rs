//! Runs kubectl the way a user would, and shows it. IO: processes.

use std::path::PathBuf;

use anyhow::Result;

use super::console;
use crate::lab::Run;

/// kubectl for one cluster.
#[derive(Clone, Debug)]
pub struct Kubectl {
    /// The program.
    pub program: PathBuf,
    /// The cluster and the identity it is used with.
    pub kubeconfig: PathBuf,
}

impl Kubectl {
    /// Runs `kubectl ARGS` and returns what it wrote.
    ///
    /// # Errors
    /// kubectl could not be started or ended with another code than 0; the message holds what it wrote.
    pub async fn run(&self, args: &[&str]) -> Result<String> {
        let run = Run::new(&self.program).env("KUBECONFIG", &self.kubeconfig).args(args);
        Ok(run.run().await?.stdout)
    }

    /// Runs `kubectl ARGS`, prints the command and what it wrote, and returns the latter.
    ///
    /// # Errors
    /// As [`Kubectl::run`].
    pub async fn show(&self, args: &[&str]) -> Result<String> {
        let output = self.run(args).await?;
        console::command(&typed(args), &output)?;
        Ok(output)
    }
}

/// Returns `kubectl ARGS` as a person would type it into a shell.
#[must_use]
pub fn typed(args: &[&str]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,".contains(c);
    let word = |arg: &&str| if arg.chars().all(is_plain) { (*arg).to_owned() } else { format!("'{arg}'") };
    let words: Vec<_> = args.iter().map(word).collect();
    format!("kubectl {}", words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::typed;

    #[test]
    fn words_that_a_shell_would_change_are_quoted() {
        assert_eq!(
            typed(&["get", "ksink", "-A", "--output=jsonpath={.items}"]),
            "kubectl get ksink -A '--output=jsonpath={.items}'"
        );
    }
}
