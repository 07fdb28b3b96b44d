//! Values of JSON as exporters write them: numbers as text, text as numbers, nothing where nothing is known.

use crate::time;
use bulkhead_model::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, SeqAccess, Visitor},
};
use std::{borrow::Cow, fmt, marker::PhantomData};

/// Text that is borrowed from the line unless it has escapes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'a> Text<'a> {
    /// Nothing where it is empty, or `-`, with which several exporters say that there is nothing.
    pub(crate) fn given(self) -> Option<Cow<'a, str>> {
        (!self.0.is_empty() && self.0 != "-").then_some(self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Any<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }
            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(number.to_string())))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }
        }
        deserializer.deserialize_any(Any(PhantomData))
    }
}

/// A count. Exporters of protocol buffers write those of 64 bits as text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Count, E> {
                Ok(Count(number))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Count, E> {
                Ok(Count(u64::try_from(number).unwrap_or(0)))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Count, E> {
                Ok(Count(number as u64))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Count, E> {
                match text {
                    "" | "-" => Ok(Count(0)),
                    _ => text
                        .parse()
                        .map(Count)
                        .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
            fn visit_unit<E: de::Error>(self) -> Result<Count, E> {
                Ok(Count(0))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

impl Count {
    pub(crate) fn port(self) -> Result<u16, String> {
        u16::try_from(self.0).map_err(|_| format!("{} is not a port", self.0))
    }
}

/// A point in time, as number or text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl Visitor<'_> for Any {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time (RFC 3339, or a number since 1970)")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Time, E> {
                Ok(Time(time::number(number as f64)))
            }
            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Time, E> {
                Ok(Time(time::number(number as f64)))
            }
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Time, E> {
                Ok(Time(time::number(number)))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                match time::parse(text) {
                    None if !text.is_empty() => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                    time => Ok(Time(time)),
                }
            }
            fn visit_unit<E: de::Error>(self) -> Result<Time, E> {
                Ok(Time(None))
            }
        }
        deserializer.deserialize_any(Any)
    }
}

/// The first element of a list; the others are skipped without being kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct First<T>(pub(crate) Option<T>);

impl<T> Default for First<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for First<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for List<T> {
            type Value = First<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<First<T>, A::Error> {
                let first = list.next_element()?;
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(First(first))
            }
            fn visit_unit<E: de::Error>(self) -> Result<First<T>, E> {
                Ok(First(None))
            }
        }
        deserializer.deserialize_any(List(PhantomData))
    }
}

/// What is wrong with a line of JSON, without the line number that serde_json counts within it.
pub(crate) fn wrong(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(at) => format!("{} (column {})", &text[..at], error.column()),
        None => text,
    }
}
