//! Pure. The traits every checked text type shares: read only through its own `parse`, written as it is shown.

/// Implements what a newtype around checked text needs besides its `parse`.
macro_rules! text_type {
    ($type:ident, $error:ident) => {
        impl $type {
            /// Returns the text as it was written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        text_conversions!($type, $error);
    };
}

/// Implements the conversions from and into text of a type that has `parse` and `Display`.
macro_rules! text_conversions {
    ($type:ident, $error:ident) => {
        impl std::str::FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }

        impl TryFrom<String> for $type {
            type Error = $error;

            fn try_from(text: String) -> Result<Self, $error> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    };
}

pub(crate) use {text_conversions, text_type};
