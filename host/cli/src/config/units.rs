//! Values with a unit: durations and sizes, as people write them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

/// A duration, written `90s`, `5m` or `1h 30m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub Duration);

impl Time {
    /// A whole number of seconds.
    pub const fn seconds(seconds: u64) -> Time {
        Time(Duration::from_secs(seconds))
    }

    /// Reads one, from the command line too.
    ///
    /// # Errors
    /// A sentence that says how durations are written.
    pub fn parse(text: &str) -> Result<Time, String> {
        match humantime::parse_duration(text) {
            Ok(duration) if duration.is_zero() => Err("a duration of zero is not possible here".into()),
            Ok(duration) => Ok(Time(duration)),
            Err(_) => Err(format!("`{text}` is not a duration: write it like `90s`, `5m` or `1h 30m`")),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        // Ninety days are not two months, twenty-nine days and some hours.
        if seconds >= 2 * DAY && seconds.is_multiple_of(DAY) && self.0.subsec_nanos() == 0 {
            return write!(f, "{}days", seconds / DAY);
        }
        write!(f, "{}", humantime::format_duration(self.0))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = String::deserialize(deserializer)
            .map_err(|error| wrong_type(&error, "durations are written like `90s` or `5m`"))?;
        Time::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A size in bytes, written `64KiB`, `512MiB` or `4GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

impl Size {
    /// A whole number of MiB.
    pub const fn mib(mib: u64) -> Size {
        Size(mib << 20)
    }

    /// Reads one, from the command line too.
    ///
    /// # Errors
    /// A sentence that says how sizes are written.
    pub fn parse(text: &str) -> Result<Size, String> {
        let wrong = || format!("`{text}` is not a size: write it like `64KiB`, `512MiB` or `4GiB`");
        let (number, factor) = UNITS
            .iter()
            .find_map(|(unit, factor)| text.strip_suffix(unit).map(|number| (number, *factor)))
            .ok_or_else(wrong)?;
        let number: u64 = number.trim().parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(Size).ok_or_else(|| format!("`{text}` is more than can be counted"))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = UNITS[..4].iter().rev().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        match exact {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        let text =
            String::deserialize(deserializer).map_err(|error| wrong_type(&error, "sizes are written like `512MiB`"))?;
        Size::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// Adds how it is written to what the parser says, whose messages end with a line break.
fn wrong_type<E: serde::de::Error>(error: &E, how: &str) -> E {
    E::custom(format!("{}: {how}", error.to_string().trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_back_as_they_are_shown() {
        for text in ["64KiB", "512MiB", "4GiB", "1500B", "0B", "1TiB"] {
            assert_eq!(Size::parse(text).map(|size| size.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(Size::parse("2 MB"), Ok(Size(2_000_000)));
        for text in ["", "5", "MiB", "-1MiB", "99999999999TiB"] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(Time::parse("1h 30m"), Ok(Time::seconds(5400)));
        for text in ["90days", "365days", "1day", "1h 30m", "36h"] {
            let shown = Time::parse(text).map(|time| time.to_string());
            assert_eq!(shown.as_deref(), Ok(if text == "36h" { "1day 12h" } else { text }));
        }
        assert!(Time::parse("90").is_err());
        assert!(Time::parse("0s").is_err());
    }
}
