//! What a member shows to the brokers, as files beside its configuration. IO: files.

use kafkasink_e2e::lab::secured::{ClientCertificate, Kind, PASSWORD, SecuredKafka, USER};
use kafkasink_e2e::trial::{Spec, World};

/// What a member shows, and whom it trusts.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    authority: Option<String>,
    certificate: Option<ClientCertificate>,
    sasl: Option<Sasl>,
    /// Begins the names of the files.
    prefix: &'static str,
}

/// User and password.
#[derive(Clone, Debug)]
pub(super) struct Sasl {
    mechanism: &'static str,
    user: &'static str,
    password: String,
}

impl Sasl {
    /// The user that every listener knows.
    pub(super) fn by(mechanism: &'static str) -> Self {
        Self { mechanism, user: USER, password: PASSWORD.to_owned() }
    }

    pub(super) fn user(mut self, user: &'static str) -> Self {
        self.user = user;
        self
    }

    pub(super) fn password(mut self, password: &str) -> Self {
        password.clone_into(&mut self.password);
        self
    }
}

impl Shown {
    /// Trusts the broker's own authority.
    pub(super) fn authority(kafka: &SecuredKafka) -> anyhow::Result<Self> {
        Ok(Self::trusting(kafka.authority()?))
    }

    /// Trusts this authority.
    pub(super) fn trusting(authority: String) -> Self {
        Self { authority: Some(authority), ..Self::default() }
    }

    pub(super) fn certificate(mut self, certificate: ClientCertificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// Lies in files of its own, beside those of another member.
    pub(super) fn apart(mut self, prefix: &'static str) -> Self {
        self.prefix = prefix;
        self
    }

    pub(super) fn sasl(mut self, sasl: Sasl) -> Self {
        self.sasl = Some(sasl);
        self
    }

    /// Writes the files and returns a member whose configuration names them.
    pub(super) fn spec(&self, world: &World, kafka: &SecuredKafka, kind: Kind) -> anyhow::Result<Spec> {
        self.write(world)?;
        let from = format!("kafka: {{bootstrapServers: ['{}']", world.bootstrap());
        let to = format!("kafka: {{bootstrapServers: ['{}'], {}", kafka.bootstrap(kind), self.fields(world));
        Ok(Spec::named("m-0").replace(&from, to.trim_end_matches(", ")))
    }

    /// Writes the files.
    pub(super) fn write(&self, world: &World) -> anyhow::Result<()> {
        if let Some(authority) = &self.authority {
            world.write(&self.name("ca.crt"), authority)?;
        }
        if let Some(ClientCertificate { certificate, key }) = &self.certificate {
            world.write(&self.name("user.crt"), certificate)?;
            world.write(&self.name("user.key"), key)?;
        }
        if let Some(sasl) = &self.sasl {
            world.write(&self.name("password"), &format!("{}\n", sasl.password))?;
        }
        Ok(())
    }

    fn name(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    /// The fields of `kafka`, each with a comma behind it.
    fn fields(&self, world: &World) -> String {
        let file = |name: &str| world.file(&self.name(name)).display().to_string();
        let certificate = self.certificate.as_ref().map_or_else(String::new, |_| {
            format!(", certificateFile: {}, privateKeyFile: {}", file("user.crt"), file("user.key"))
        });
        let tls =
            self.authority.as_ref().map(|_| format!("tls: {{caFile: {}{certificate}}}, ", file("ca.crt")));
        let authentication = self.sasl.as_ref().map(|Sasl { mechanism, user, .. }| {
            let password = file("password");
            format!(
                "authentication: {{mechanism: {mechanism}, username: {user}, passwordFile: {password}}}, "
            )
        });
        [tls, authentication].into_iter().flatten().collect()
    }
}
