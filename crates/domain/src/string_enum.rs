//! Enumerations with one fixed spelling, used wherever a value is stored, logged or sent.

/// A text that is not a variant of a string enumeration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {expected}")]
pub struct UnknownVariant {
    /// The accepted spellings, separated by commas.
    pub expected: &'static str,
}

/// An enumeration with one fixed spelling of each variant.
pub trait StringEnum {
    /// The name of the type.
    const NAME: &'static str;
    /// The spellings of all variants, in the order of declaration.
    const SPELLINGS: &'static [&'static str];
}

/// Declares an enumeration with its spelling: `as_str`, `FromStr`, `Display`, `ALL`, and serde as that text.
#[macro_export]
#[doc(hidden)]
macro_rules! string_enum {
    ($(#[$doc:meta])* $name:ident { $first:ident = $first_text:literal $(, $variant:ident = $text:literal)* $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            #[doc = concat!("`", $first_text, "`")]
            #[serde(rename = $first_text)]
            $first,
            $(
                #[doc = concat!("`", $text, "`")]
                #[serde(rename = $text)]
                $variant,
            )*
        }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[Self::$first $(, Self::$variant)*];

            /// The spelling of this variant.
            pub const fn as_str(self) -> &'static str {
                match self {
                    Self::$first => $first_text,
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl $crate::StringEnum for $name {
            const NAME: &'static str = stringify!($name);
            const SPELLINGS: &'static [&'static str] = &[$first_text $(, $text)*];
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownVariant;

            fn from_str(text: &str) -> Result<Self, $crate::UnknownVariant> {
                Self::ALL.iter().copied().find(|variant| variant.as_str() == text).ok_or($crate::UnknownVariant {
                    expected: concat!($first_text $(, ", ", $text)*),
                })
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
