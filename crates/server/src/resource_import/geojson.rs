//! Reading a `GeoJSON` `FeatureCollection` feature by feature (RFC 7946). Of a feature only what an import needs is kept, whatever else is
//! in it and however large it is.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt,
    io::{self, BufReader, Read},
    rc::Rc,
};

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::{
    feature::{Bounds, Feature},
    tags,
};

/// Maximum size of a feature. The outline of a large building has some kilobytes.
const MAX_FEATURE_BYTES: u64 = 4 * 1024 * 1024;
/// What the buffer may have read of the features that follow.
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads a `FeatureCollection`, and hands over each feature until the receiver returns `false`.
///
/// # Errors
/// Returns an error if the input is no JSON, no `FeatureCollection`, or holds a feature of more than [`MAX_FEATURE_BYTES`].
pub(super) fn read(input: impl Read, receive: impl FnMut(Feature) -> bool) -> anyhow::Result<()> {
    let left = Rc::new(Cell::new(MAX_FEATURE_BYTES));
    let input = BufReader::with_capacity(BUFFER_BYTES, Bounded { input, left: Rc::clone(&left) });
    let mut json = serde_json::Deserializer::from_reader(input);
    let is_collection = Collection { receive, left }.deserialize(&mut json)?;
    json.end()?;
    anyhow::ensure!(is_collection, "is no FeatureCollection");
    Ok(())
}

/// Fails when more was read than `left` allows.
struct Bounded<R> {
    input: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(
            left.ok_or_else(|| io::Error::other(format!("has a feature of more than {MAX_FEATURE_BYTES} bytes")))?,
        );
        Ok(read)
    }
}

/// The whole file. Its value is whether it is a `FeatureCollection`.
struct Collection<F> {
    receive: F,
    left: Rc<Cell<u64>>,
}

impl<'de, F: FnMut(Feature) -> bool> DeserializeSeed<'de> for Collection<F> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<bool, D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Feature) -> bool> Visitor<'de> for Collection<F> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a FeatureCollection")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<bool, A::Error> {
        let (mut has_type, mut has_features) = (false, false);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "type" => has_type = map.next_value::<Scalar>()?.0.as_deref() == Some("FeatureCollection"),
                "features" => {
                    map.next_value_seed(Features(&mut self))?;
                    has_features = true;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(has_type && has_features)
    }
}

struct Features<'a, F>(&'a mut Collection<F>);

impl<'de, F: FnMut(Feature) -> bool> DeserializeSeed<'de> for Features<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_seq(self)
    }
}

impl<'de, F: FnMut(Feature) -> bool> Visitor<'de> for Features<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of features")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut features: A) -> Result<(), A::Error> {
        let Collection { receive, left } = self.0;
        while let Some(Lenient(feature)) = features.next_element::<Lenient<Feature>>()? {
            left.set(MAX_FEATURE_BYTES);
            if !receive(feature) {
                return Err(de::Error::custom("was read in part only"));
            }
        }
        Ok(())
    }
}

/// A value of some type, or its default in place of anything else that is valid JSON.
struct Lenient<T>(T);

/// What is read from the members of an object, and the numbers and elements of arrays. Everything else is passed over.
trait Parts: Default {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        let _ = name;
        map.next_value::<IgnoredAny>().map(drop)
    }

    fn element<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        Ok(elements.next_element::<IgnoredAny>()?.is_some())
    }

    /// Called after the last element.
    fn end(&mut self) {}

    fn text(&mut self, text: &str) {
        let _ = text;
    }

    fn number(&mut self, number: f64) {
        let _ = number;
    }
}

impl<'de, T: Parts> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Any<T>(T);
        impl<'de, T: Parts> Visitor<'de> for Any<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<T, A::Error> {
                while let Some(name) = map.next_key::<String>()? {
                    self.0.member(&name, &mut map)?;
                }
                Ok(self.0)
            }

            fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<T, A::Error> {
                while self.0.element(&mut elements)? {}
                self.0.end();
                Ok(self.0)
            }

            fn visit_str<E>(mut self, text: &str) -> Result<T, E> {
                self.0.text(text);
                Ok(self.0)
            }

            fn visit_f64<E>(mut self, number: f64) -> Result<T, E> {
                self.0.number(number);
                Ok(self.0)
            }

            #[expect(clippy::cast_precision_loss, reason = "coordinates are small")]
            fn visit_i64<E>(mut self, number: i64) -> Result<T, E> {
                self.0.number(number as f64);
                Ok(self.0)
            }

            #[expect(clippy::cast_precision_loss, reason = "coordinates are small")]
            fn visit_u64<E>(mut self, number: u64) -> Result<T, E> {
                self.0.number(number as f64);
                Ok(self.0)
            }

            fn visit_bool<E>(self, _: bool) -> Result<T, E> {
                Ok(self.0)
            }

            fn visit_unit<E>(self) -> Result<T, E> {
                Ok(self.0)
            }
        }
        input.deserialize_any(Any(T::default())).map(Self)
    }
}

/// A text; `None` for anything else.
#[derive(Default)]
struct TextPart(Option<String>);

impl Parts for TextPart {
    fn text(&mut self, text: &str) {
        self.0 = Some(text.to_owned());
    }
}

/// A text of any key of the collection.
struct Scalar(Option<String>);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        Lenient::<TextPart>::deserialize(input).map(|Lenient(TextPart(text))| Self(text))
    }
}

impl Parts for Feature {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "id" => self.id = map.next_value::<Scalar>()?.0,
            "properties" => self.tags = map.next_value::<Lenient<Tags>>()?.0.0,
            "geometry" => self.bounds = map.next_value::<Lenient<Geometry>>()?.0.0,
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

#[derive(Default)]
struct Tags(BTreeMap<String, String>);

impl Parts for Tags {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        if !tags::is_known(name) {
            return map.next_value::<IgnoredAny>().map(drop);
        }
        if let Some(value) = map.next_value::<Scalar>()?.0 {
            self.0.insert(name.to_owned(), value);
        }
        Ok(())
    }
}

#[derive(Default)]
struct Geometry(Option<Bounds>);

impl Parts for Geometry {
    fn member<'de, A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<(), A::Error> {
        match name {
            "coordinates" => self.0 = Bounds::join(self.0, map.next_value::<Lenient<Coordinates>>()?.0.bounds),
            _ => drop(map.next_value::<IgnoredAny>()?),
        }
        Ok(())
    }
}

/// A position, or arrays of them, of any depth. Of a position the first two numbers are kept.
#[derive(Default)]
struct Coordinates {
    number: Option<f64>,
    longitude: Option<f64>,
    latitude: Option<f64>,
    bounds: Option<Bounds>,
}

impl Parts for Coordinates {
    fn number(&mut self, number: f64) {
        self.number = Some(number);
    }

    fn element<'de, A: SeqAccess<'de>>(&mut self, elements: &mut A) -> Result<bool, A::Error> {
        let Some(Lenient(Self { number, bounds, .. })) = elements.next_element::<Lenient<Self>>()? else {
            return Ok(false);
        };
        self.bounds = Bounds::join(self.bounds, bounds);
        if self.longitude.is_none() {
            self.longitude = number;
        } else if self.latitude.is_none() {
            self.latitude = number;
        }
        Ok(true)
    }

    fn end(&mut self) {
        if let (Some(longitude), Some(latitude)) = (self.longitude, self.latitude) {
            let place = Bounds { west: longitude, south: latitude, east: longitude, north: latitude };
            self.bounds = Bounds::join(self.bounds, Some(place));
        }
    }
}
