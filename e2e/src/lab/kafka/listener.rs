//! Listeners of a broker beside the plain one, their users, and further settings. Pure.

/// What a broker has beside its plain listener.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Further listeners on 127.0.0.1.
    pub listeners: Vec<Listener>,
    /// Users by SCRAM, as `kafka-storage format --add-scram` takes them: `SCRAM-SHA-256=[name=…,password=…]`.
    pub scram_users: Vec<String>,
    /// Settings of the broker itself.
    pub properties: Vec<(String, String)>,
}

/// A listener.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its name, upper case.
    pub name: &'static str,
    /// `SSL`, `SASL_SSL` or `SASL_PLAINTEXT`.
    pub protocol: &'static str,
    /// A free port.
    pub port: u16,
    /// Its settings without the prefix `listener.name.…`.
    pub properties: Vec<(String, String)>,
}

impl Extras {
    /// Returns the listeners as they stand in `listeners`, after the plain one.
    pub(super) fn addresses(&self) -> String {
        self.all(|Listener { name, port, .. }| format!(",{name}://127.0.0.1:{port}"))
    }

    /// Returns the protocols as they stand in `listener.security.protocol.map`, after the plain one.
    pub(super) fn protocols(&self) -> String {
        self.all(|Listener { name, protocol, .. }| format!(",{name}:{protocol}"))
    }

    /// Returns the settings of the broker and of all listeners, one a line.
    pub(super) fn properties(&self) -> String {
        let of_listeners = self.all(|Listener { name, properties, .. }| {
            lines(&format!("listener.name.{}.", name.to_lowercase()), properties)
        });
        lines("", &self.properties) + &of_listeners
    }

    fn all(&self, text: impl Fn(&Listener) -> String) -> String {
        self.listeners.iter().map(text).collect::<Vec<_>>().concat()
    }
}

fn lines(prefix: &str, properties: &[(String, String)]) -> String {
    properties.iter().map(|(key, value)| format!("{prefix}{key}={value}\n")).collect::<Vec<_>>().concat()
}
